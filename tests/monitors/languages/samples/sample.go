// Package sample is read by a test, e.g. sample.Read.
package sample

import (
	"encoding/json"
	"net/http"
)

/* The pattern has dots: a.b.c */
const pattern = `a.b"c.d'e.f
x.y`

type Server struct {
	http.Handler
	client *http.Client
	items  map[string][]json.RawMessage
	scale  float64
}

func (s *Server) Read(names ...string) (count int, err error) {
	s.scale = 1.5e3 + .5 + 1. + 0x1.8p3
	for i, name := range names {
		if name[0] == '.' || name[0] == '\'' || name == "a.b\".c" {
			continue
		}
		s.items[name] = append(s.items[name], s.parse(names[i:]...)...)
	}
	handler, ok := s.Handler.(http.HandlerFunc)
	switch v := s.Handler.(type) {
	case *http.ServeMux:
		v.Handle("/", handler)
	}
	func() { s.client.CloseIdleConnections() }()
	response, err := s.client.
		Get("http://a.b/c.d")
	count = len(Server{}.items) + len([]string{"x.y"}[0]) + int(s.scale)
	defer response.Body.Close()
	return count + len(pattern), json.NewDecoder(response.Body).Decode(&ok)
}
