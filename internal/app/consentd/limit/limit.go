// Package limit bounds how often one network asks one site, in memory that does not grow and without keeping an address.
package limit

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

// cells per row; a power of two. Two rows of eight bytes each are half a MiB, whoever asks.
const (
	cells = 1 << 15
	rows  = 2
)

// Limiter is a leaky bucket (the generic cell rate algorithm of ITU-T I.371) per site and network. Networks are not
// remembered: each is hashed, with a key of this process, to one cell in each of two rows, and is refused only if both are full. So
// memory is fixed, and nothing must be thrown away under a flood. A stranger shares both cells with one flooding network once in a thousand
// million; of n cells that are full in each row, with some of them once in (32768/n)². So n must stay small: what is counted is not for who
// asks to make up, or it is forgotten much sooner than it can be made up.
type Limiter struct {
	// every is the time that one request takes up, depth how much may be taken up ahead of time.
	every, depth int64
	seeds        [rows]maphash.Seed
	// table holds, in nanoseconds since an arbitrary start, the instant until which a cell is taken up.
	table [rows][cells]atomic.Int64
}

// New returns a limiter of so many requests per second, with so many at once. Zero per second limits nothing.
func New(perSecond float64, burst int) *Limiter {
	if perSecond <= 0 {
		return nil
	}
	every := int64(float64(time.Second) / perSecond)
	l := &Limiter{every: every, depth: every * int64(max(burst, 1))}
	for i := range l.seeds {
		l.seeds[i] = maphash.MakeSeed()
	}
	return l
}

// Network returns the part of an address that stands for a household or an office: /24 of IPv4, /48 of IPv6.
func Network(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := 48
	if address.Is4() {
		bits = 24
	}
	network, _ := address.Prefix(bits) // invalid for an invalid address: those share one
	return network
}

// Allow counts one request and tells whether it may go on; if not, how long to wait. A request that is refused takes up nothing.
func (l *Limiter) Allow(site string, network netip.Prefix, now time.Time) (bool, time.Duration) {
	if l == nil {
		return true, 0
	}
	instant := now.UnixNano()
	where, wait := l.look(site, network, instant)
	if wait > 0 {
		return false, time.Duration(wait)
	}
	for _, cell := range where {
		take(cell, instant, l.every, l.depth)
	}
	return true, 0
}

// Full tells whether Allow would refuse a request. It counts none.
func (l *Limiter) Full(site string, network netip.Prefix, now time.Time) bool {
	if l == nil {
		return false
	}
	_, wait := l.look(site, network, now.UnixNano())
	return wait > 0
}

// look finds the cells, and how long to wait until one of them has room; nothing to wait is at most zero.
func (l *Limiter) look(site string, network netip.Prefix, instant int64) (where [rows]*atomic.Int64, wait int64) {
	wait = 1<<63 - 1
	for i := range l.table {
		where[i] = &l.table[i][l.cell(i, site, network)]
		wait = min(wait, where[i].Load()+l.every-instant-l.depth)
	}
	return where, wait
}

// take adds one request to a cell, never beyond what the depth allows: a cell that somebody else fills stays as full as it is.
func take(cell *atomic.Int64, instant, every, depth int64) {
	for {
		until := cell.Load()
		next := min(max(until, instant)+every, instant+depth)
		if next <= until || cell.CompareAndSwap(until, next) {
			return
		}
	}
}

func (l *Limiter) cell(row int, site string, network netip.Prefix) uint64 {
	var hash maphash.Hash
	hash.SetSeed(l.seeds[row])
	address := network.Addr().As16()
	_, _ = hash.Write(address[:])
	var length [2]byte
	binary.BigEndian.PutUint16(length[:], uint16(network.Bits()&0xffff)) //nolint:gosec // at most 128, or -1 for an invalid one
	_, _ = hash.Write(length[:])
	_, _ = hash.WriteString(site)
	return hash.Sum64() % cells
}
