package event

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// Receipt names one act: its identifier and the time at which it was recorded.
type Receipt struct {
	ID uuid.UUID
	At time.Time
}

// randomBytes is how many bytes of chance a receipt takes.
const randomBytes = 8

// Chance is the chance that goes into one receipt.
type Chance [randomBytes]byte

// NewReceipt makes a UUIDv7 (RFC 9562, section 5.7) with the microseconds in the 12 bits behind the milliseconds (section
// 6.2, method 3), so that identifiers sort as their times do. Of the rest 54 bits are chance, and the last byte counts the
// events of the act: the range of one receipt finds them all, without an index of their own.
func NewReceipt(at time.Time, chance Chance) Receipt {
	at = Instant(at)
	micro := at.UnixMicro()
	fraction := (micro%1000*4096 + 999) / 1000 // the least of 4096 steps that is not before the microsecond
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(micro/1000)<<16|7<<12|uint64(fraction))
	binary.BigEndian.PutUint64(id[8:], binary.BigEndian.Uint64(chance[:])&^(3<<62|0xff)|2<<62)
	return Receipt{id, at}
}

// Event is the identifier of the event of that number, from 0.
func (r Receipt) Event(number int) uuid.UUID {
	id := r.ID
	id[15] = byte(number)
	return id
}

// Last is the greatest identifier that an event of a receipt can have.
func Last(receipt uuid.UUID) uuid.UUID {
	receipt[15] = 0xff
	return receipt
}
