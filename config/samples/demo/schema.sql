-- The database of a company that answers its clients' customers: accounts (the clients), customers (the people),
-- conversations, contact forms, orders and invoices. It is an ordinary application schema, with what makes erasure
-- hard in real ones: a cycle, composite keys, a self reference, NOT NULL and UNIQUE columns, shared conversations,
-- and an audit table that no foreign key connects.

BEGIN;

CREATE TABLE accounts (
    id         bigint PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    country    char(2) NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE customers (
    id                   bigint PRIMARY KEY,
    account_id           bigint NOT NULL REFERENCES accounts,
    email                text NOT NULL,
    phone                text,
    full_name            text NOT NULL,
    created_at           timestamptz NOT NULL,
    last_conversation_id bigint,
    UNIQUE (account_id, email)
);
CREATE INDEX customers_email ON customers (lower(email));
CREATE INDEX customers_phone ON customers (phone);

CREATE TABLE conversations (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    opened_by  bigint REFERENCES customers,
    subject    text,
    opened_at  timestamptz NOT NULL
);
CREATE INDEX conversations_opened_by ON conversations (opened_by);

-- The cycle: customers point to their last conversation, conversations to who opened them.
ALTER TABLE customers ADD FOREIGN KEY (last_conversation_id) REFERENCES conversations;
CREATE INDEX customers_last_conversation ON customers (last_conversation_id);

CREATE TABLE participants (
    conversation_id bigint NOT NULL REFERENCES conversations,
    customer_id     bigint NOT NULL REFERENCES customers,
    display_name    text NOT NULL,
    joined_at       timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, customer_id)
);
CREATE INDEX participants_customer ON participants (customer_id);

CREATE TABLE messages (
    conversation_id bigint NOT NULL REFERENCES conversations,
    seq             integer NOT NULL,
    sender_id       bigint REFERENCES customers,
    reply_to_seq    integer,
    body            text NOT NULL,
    sent_at         timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, seq),
    FOREIGN KEY (conversation_id, reply_to_seq) REFERENCES messages (conversation_id, seq)
);
CREATE INDEX messages_sender ON messages (sender_id);
CREATE INDEX messages_reply ON messages (conversation_id, reply_to_seq);

CREATE TABLE attachments (
    id              bigint PRIMARY KEY,
    conversation_id bigint NOT NULL,
    message_seq     integer NOT NULL,
    file_name       text NOT NULL,
    bytes           integer NOT NULL CHECK (bytes > 0),
    FOREIGN KEY (conversation_id, message_seq) REFERENCES messages (conversation_id, seq)
);
CREATE INDEX attachments_message ON attachments (conversation_id, message_seq);

CREATE TABLE contact_forms (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    email      text NOT NULL,
    phone      text,
    message    text NOT NULL,
    sent_at    timestamptz NOT NULL
);
CREATE INDEX contact_forms_email ON contact_forms (lower(email));
CREATE INDEX contact_forms_phone ON contact_forms (phone);

CREATE TABLE orders (
    id          bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    ordered_at  timestamptz NOT NULL,
    total_cents integer NOT NULL
);
CREATE INDEX orders_customer ON orders (customer_id);

CREATE TABLE order_lines (
    order_id bigint NOT NULL REFERENCES orders,
    line     integer NOT NULL,
    product  text NOT NULL,
    cents    integer NOT NULL,
    PRIMARY KEY (order_id, line)
);

CREATE TABLE invoices (
    id            bigint PRIMARY KEY,
    number        text NOT NULL UNIQUE,
    order_id      bigint REFERENCES orders,
    customer_id   bigint REFERENCES customers,
    billing_name  text NOT NULL,
    billing_email text NOT NULL,
    issued_on     date NOT NULL,
    total_cents   integer NOT NULL
);
CREATE INDEX invoices_order ON invoices (order_id);
CREATE INDEX invoices_customer ON invoices (customer_id);
CREATE INDEX invoices_billing_email ON invoices (lower(billing_email));

CREATE TABLE loyalty_cards (
    id          bigint PRIMARY KEY,
    customer_id bigint REFERENCES customers,
    card_number text NOT NULL UNIQUE,
    points      integer NOT NULL
);
CREATE INDEX loyalty_cards_customer ON loyalty_cards (customer_id);

CREATE TABLE audit_log (
    id     bigint PRIMARY KEY,
    at     timestamptz NOT NULL,
    actor  text NOT NULL,
    action text NOT NULL,
    detail jsonb
);
CREATE INDEX audit_log_actor ON audit_log (lower(actor));

COMMIT;
