-- Whoever withdraws a purpose may have its data erased: such a wish names purposes, and one of the whole person names none.
ALTER TABLE consent.wishes ADD COLUMN purposes text[] NOT NULL DEFAULT '{}'
