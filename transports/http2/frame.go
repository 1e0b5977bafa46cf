package http2

import "encoding/binary"

// Preface is what a client sends first (RFC 9113 §3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frameType is a type of frame (RFC 9113 §6).
type frameType uint8

const (
	frameData frameType = iota
	frameHeaders
	framePriority
	frameReset
	frameSettings
	framePushPromise
	framePing
	frameGoAway
	frameWindowUpdate
	frameContinuation
)

// Flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Settings (RFC 9113 §6.5.2).
const (
	settingHeaderTable = 1 + iota
	settingPush
	settingStreams
	settingWindow
	settingFrame
	settingHeaderList
)

const (
	frameHead   = 9         // bytes before a payload
	maxFrame    = 16384     // largest payload, either way: the least that all must take
	maxWindow   = 1<<31 - 1 // of a stream or a connection
	firstWindow = 65535     // before anything else is said
	maxStreamID = 1<<31 - 1
	idMask      = 1<<31 - 1 // the bit above is reserved
	pingLen     = 8
)

// appendFrameHead appends the head of a frame (RFC 9113 §4.1).
func appendFrameHead(dst []byte, length int, t frameType, flags uint8, id uint32) []byte {
	dst = append(dst, byte(length>>16), byte(length>>8), byte(length), byte(t), flags)
	return binary.BigEndian.AppendUint32(dst, id)
}

// appendSetting appends one setting of a SETTINGS frame.
func appendSetting(dst []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, id), value)
}
