package bitcoin

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// ZMTP 3.0 (rfc.zeromq.org/spec/23), as much of it as a subscriber of Bitcoin
// Core's publishers needs: NULL security, one direction. The only pure Go
// library looks for a maintainer, and takes memory by what the other end says.

const (
	zmtpMore    = 1
	zmtpLong    = 2
	zmtpCommand = 4
	maxFrame    = 4_000_000 // a transaction, or a block's hash
	maxFrames   = 8
)

// zmtpGreeting is the same from both ends: signature, version 3.0, mechanism
// NULL, not a server, filler.
func zmtpGreeting() []byte {
	g := make([]byte, 64)
	g[0], g[9], g[10] = 0xff, 0x7f, 3
	copy(g[12:], "NULL")
	return g
}

// zmtpFrame writes one frame.
func zmtpFrame(flags byte, body []byte) []byte {
	if len(body) > 255 {
		return append(binary.BigEndian.AppendUint64([]byte{flags | zmtpLong}, uint64(len(body))), body...)
	}
	return append([]byte{flags, byte(len(body))}, body...)
}

// zmtpReady is the handshake's command; socket is "SUB" or "PUB".
func zmtpReady(socket string) []byte {
	body := append([]byte{5}, "READY"...)
	body = append(append(body, 11), "Socket-Type"...)
	body = binary.BigEndian.AppendUint32(body, uint32(len(socket)))
	return zmtpFrame(zmtpCommand, append(body, socket...))
}

// readFrame reads one frame.
func readFrame(r io.Reader) (flags byte, body []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	flags = head[0]
	size := uint64(head[1])
	if flags&^(zmtpMore|zmtpLong|zmtpCommand) != 0 {
		return 0, nil, errors.New("this is no ZMQ frame")
	}
	if flags&zmtpLong != 0 {
		if _, err := io.ReadFull(r, head[2:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(head[1:])
	}
	if size > maxFrame {
		return 0, nil, fmt.Errorf("a ZMQ frame of %d bytes is too long", size)
	}
	// Not make(size): memory follows what really comes.
	body, err = io.ReadAll(io.LimitReader(r, int64(size)))
	if err == nil && uint64(len(body)) < size {
		err = io.ErrUnexpectedEOF
	}
	return flags, body, err
}

// readMessage reads frames up to the last of a message, and leaves commands out.
func readMessage(r io.Reader) ([][]byte, error) {
	var frames [][]byte
	for {
		flags, body, err := readFrame(r)
		if err != nil {
			return nil, err
		}
		if flags&zmtpCommand != 0 {
			continue
		}
		if frames = append(frames, body); len(frames) > maxFrames {
			return nil, errors.New("a ZMQ message has too many parts")
		}
		if flags&zmtpMore == 0 {
			return frames, nil
		}
	}
}

// subscribeZMQ follows one publisher until it is lost. It calls state(true)
// once it is subscribed and state(false) at the end, and take for each message.
func subscribeZMQ(ctx context.Context, address string, topics []string, state func(bool), take func(topic string, body []byte) error) error {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	hello := append(zmtpGreeting(), zmtpReady("SUB")...)
	for _, topic := range topics {
		hello = append(hello, zmtpFrame(0, append([]byte{1}, topic...))...)
	}
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	var greeting [64]byte
	if _, err := io.ReadFull(r, greeting[:]); err != nil {
		return err
	}
	if greeting[0] != 0xff || greeting[9] != 0x7f || greeting[10] < 3 || string(greeting[12:16]) != "NULL" {
		return errors.New("it does not speak ZMTP 3 without security")
	}
	if flags, body, err := readFrame(r); err != nil {
		return err
	} else if flags&zmtpCommand == 0 || len(body) < 6 || string(body[1:6]) != "READY" {
		return errors.New("it is not ready to publish")
	}
	_ = conn.SetDeadline(time.Time{})
	state(true)
	defer state(false)
	for {
		frames, err := readMessage(r)
		if err != nil {
			return err
		}
		if len(frames) < 2 {
			continue
		}
		if err := take(string(frames[0]), frames[1]); err != nil {
			return err
		}
	}
}
