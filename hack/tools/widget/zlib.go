package main

import (
	"errors"
	"fmt"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/z/lib"
)

// zlib compresses as the gzip command does at its best, which finds other repetitions than compress/flate. zlib's code has
// its memory by address: it is on the heap, where nothing moves, and stays as long as this does.
type zlib struct {
	tls     *libc.TLS
	stream  lib.Z_stream
	in, out []byte
}

const zlibRoom = 1 << 17 // bytes of a script, before and after

func newZlib() (*zlib, error) {
	z := &zlib{tls: libc.NewTLS(), in: make([]byte, zlibRoom), out: make([]byte, zlibRoom)}
	version, err := libc.CString(lib.ZLIB_VERSION)
	if err != nil {
		return nil, errors.New("zlib: no memory")
	}
	if status := lib.XdeflateInit_(z.tls, z.address(), lib.Z_BEST_COMPRESSION, version, int32(unsafe.Sizeof(z.stream))); status != lib.Z_OK {
		return nil, fmt.Errorf("zlib: starting: status %d", status)
	}
	return z, nil
}

func (z *zlib) address() uintptr { return uintptr(unsafe.Pointer(&z.stream)) }

// size is that of data after compression. It panics where data has more bytes than there is room for.
func (z *zlib) size(data []byte) int {
	n := copy(z.in, data)
	z.stream.Fnext_in, z.stream.Favail_in = uintptr(unsafe.Pointer(&z.in[0])), lib.UInt(n)
	z.stream.Fnext_out, z.stream.Favail_out = uintptr(unsafe.Pointer(&z.out[0])), lib.UInt(len(z.out))
	lib.XdeflateReset(z.tls, z.address())
	if status := lib.Xdeflate(z.tls, z.address(), lib.Z_FINISH); status != lib.Z_STREAM_END || n < len(data) {
		panic(fmt.Sprintf("zlib: compressing %d bytes: status %d", len(data), status))
	}
	return int(z.stream.Ftotal_out)
}
