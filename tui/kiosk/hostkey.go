package kiosk

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"io"

	gossh "golang.org/x/crypto/ssh"
)

// HostKey is the key by which clients know that a server is the same as last time.
type HostKey struct{ signer gossh.Signer }

// NewHostKey makes a host key and returns it as a PEM file (OpenSSH's format).
func NewHostKey(random io.Reader) ([]byte, error) {
	_, private, err := ed25519.GenerateKey(random)
	if err != nil {
		return nil, err
	}
	block, err := gossh.MarshalPrivateKey(private, "till")
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

// ReadHostKey reads what NewHostKey wrote.
func ReadHostKey(text []byte) (HostKey, error) {
	signer, err := gossh.ParsePrivateKey(text)
	if err != nil {
		return HostKey{}, errors.New("it is no SSH host key without a passphrase")
	}
	return HostKey{signer}, nil
}

// Fingerprint is what a client shows at its first connection: "SHA256:…".
func (k HostKey) Fingerprint() string { return gossh.FingerprintSHA256(k.signer.PublicKey()) }
