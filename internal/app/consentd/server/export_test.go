package server

// BodiesAtOnce is how many bodies of a network are read at the same time.
const BodiesAtOnce = bodiesAtOnce

// OpenBodies are how many networks have bodies that are being read.
func (s *Server) OpenBodies() int {
	s.bodies.mu.Lock()
	defer s.bodies.mu.Unlock()
	return len(s.bodies.open)
}
