// Package tree holds the log's Merkle tree (RFC 6962, section 2) by its tiles: blocks of 256 hashes, of leaves at level 0
// and of whole tiles of the level below above that (C2SP tlog-tiles). Only full tiles are ever written down.
package tree

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Height of a tile, and how many hashes a full one has.
const (
	Height = 8
	Width  = 1 << Height
	// Bytes of a full tile.
	Bytes = Width * tlog.HashSize
)

// Tile is a full tile.
type Tile struct {
	Level int
	N     int64
	Data  []byte
}

// Edge is the right edge of a log: the hashes of each level that do not fill a tile yet. The zero value is an empty log.
type Edge struct {
	size   int64
	levels [][]tlog.Hash
}

// Size is how many leaves the log has.
func (e *Edge) Size() int64 { return e.size }

// Append adds a leaf and returns the tiles that it fills.
func (e *Edge) Append(leaf tlog.Hash) []Tile {
	var full []Tile
	e.size++
	hash := leaf
	for level := 0; ; level++ {
		if level == len(e.levels) {
			e.levels = append(e.levels, make([]tlog.Hash, 0, Width))
		}
		e.levels[level] = append(e.levels[level], hash)
		if len(e.levels[level]) < Width {
			return full
		}
		data := make([]byte, 0, Bytes)
		for i := range e.levels[level] {
			data = append(data, e.levels[level][i][:]...)
		}
		full = append(full, Tile{Level: level, N: e.size>>(Height*(level+1)) - 1, Data: data})
		hash = fold(e.levels[level])
		e.levels[level] = e.levels[level][:0]
	}
}

// Root is the hash of the whole log.
func (e *Edge) Root() tlog.Hash {
	if e.size == 0 {
		return sha256.Sum256(nil)
	}
	var parts []tlog.Hash // whole subtrees, from the greatest to the smallest
	for _, level := range slices.Backward(e.levels) {
		for rest := level; len(rest) > 0; {
			width := 1
			for 2*width <= len(rest) {
				width *= 2
			}
			parts, rest = append(parts, fold(slices.Clone(rest[:width]))), rest[width:]
		}
	}
	root := parts[len(parts)-1]
	for _, left := range slices.Backward(parts[:len(parts)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

// Clone returns an edge that grows by itself.
func (e *Edge) Clone() Edge {
	out := Edge{size: e.size, levels: make([][]tlog.Hash, len(e.levels))}
	for i, level := range e.levels {
		out.levels[i] = append(make([]tlog.Hash, 0, Width), level...)
	}
	return out
}

// Missing says which hashes make the edge of a log of that size: for each level the numbers from and to (exclusive) of
// leaves, or of tiles of the level below.
func Missing(size int64) (ranges [][2]int64) {
	for count := size; count > 0; count >>= Height {
		ranges = append(ranges, [2]int64{count &^ (Width - 1), count})
	}
	return ranges
}

// NewEdge makes the edge of a log from the hashes that Missing asked for.
func NewEdge(size int64, levels [][]tlog.Hash) (Edge, error) {
	ranges := Missing(size)
	if len(levels) != len(ranges) {
		return Edge{}, fmt.Errorf("making the edge of a log: %d levels for %d leaves", len(levels), size)
	}
	e := Edge{size: size, levels: make([][]tlog.Hash, len(levels))}
	for i, level := range levels {
		if int64(len(level)) != ranges[i][1]-ranges[i][0] {
			return Edge{}, fmt.Errorf("making the edge of a log: %d hashes at level %d for %d leaves", len(level), i, size)
		}
		e.levels[i] = append(make([]tlog.Hash, 0, Width), level...)
	}
	return e, nil
}

// Hashes reads the hashes of a tile.
func Hashes(data []byte) ([]tlog.Hash, error) {
	if len(data)%tlog.HashSize != 0 || len(data) > Bytes {
		return nil, fmt.Errorf("reading a tile: %d bytes", len(data))
	}
	out := make([]tlog.Hash, len(data)/tlog.HashSize)
	for i := range out {
		out[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	return out, nil
}

// Fold is the root of a whole subtree of the log: 1, 2, 4 ... hashes in a row.
func Fold(hashes []tlog.Hash) tlog.Hash { return fold(slices.Clone(hashes)) }

// fold overwrites what it is given.
func fold(hashes []tlog.Hash) tlog.Hash {
	for len(hashes) > 1 {
		half := len(hashes) / 2
		for i := range half {
			hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
		hashes = hashes[:half]
	}
	return hashes[0]
}
