package main

import (
	"crypto/tls"
	"errors"

	"github.com/gannetmcp/gannet/bench/load"
)

// tlsFlags are those of targets on TLS.
type tlsFlags struct {
	CA         string `name:"ca" help:"Certificates (PEM) that the server's is to come from; the system's if none." placeholder:"FILE" group:"TLS"`
	Insecure   bool   `help:"Take any certificate of the server's." group:"TLS"`
	ServerName string `name:"server-name" help:"Name to ask for and to look for in the certificate; the target's host if none." group:"TLS"`
	Cert       string `help:"This client's certificate (PEM), where the server asks for one." placeholder:"FILE" group:"TLS"`
	Key        string `help:"And its key." placeholder:"FILE" group:"TLS"`
	TLSVersion string `name:"tls-version" help:"1.2 or 1.3 and no other." group:"TLS"`
	TLSResume  bool   `name:"tls-resume" help:"Shorten later handshakes by the session of an earlier one." group:"TLS"`
}

func (f *tlsFlags) options() load.TLSOptions {
	return load.TLSOptions{CAFile: f.CA, Insecure: f.Insecure, ServerName: f.ServerName, CertFile: f.Cert, KeyFile: f.Key, Version: f.TLSVersion, Resume: f.TLSResume}
}

// hint says which flag helps against an error; "" if none is known.
func hint(err error) string {
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) {
		return "--ca FILE names the authority that signed it, --server-name the name in it; --insecure takes any"
	}
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) {
		return "the same without TLS: http:// for https://, tcp:// for tls://"
	}
	return ""
}
