package notice

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// Limits of the schedule.
const (
	firstBackoff    = 10 * time.Second
	longestBackoff  = 15 * time.Minute
	shortestBackoff = time.Second
	longestAnswer   = time.Hour // the most that Retry-After can ask for
	defaultRetryFor = 24 * time.Hour
	defaultPerHour  = 60
)

// Backoff is the wait after an attempt, 1 being the first: exponential from 10 s, at most 15 min, with full jitter. The
// jitter follows from the key and the attempt, so that the same question has the same answer and yet two messages do
// not knock together. RetryAfter, what the receiver asked for, counts up to an hour.
func Backoff(key string, attempt int32, retryAfter time.Duration) time.Duration {
	most := longestBackoff
	if attempt < 8 { // 10 s x 2^7 is beyond the longest
		most = min(longestBackoff, firstBackoff<<max(0, attempt-1))
	}
	var number [4]byte
	binary.BigEndian.PutUint32(number[:], uint32(attempt))
	sum := sha256.Sum256(append([]byte(key), number[:]...))
	chance := binary.BigEndian.Uint64(sum[:8]) % uint64(most)
	wait := max(shortestBackoff, time.Duration(chance))
	return max(wait, min(retryAfter, longestAnswer)).Truncate(time.Second)
}

// RetryFor is how long a channel's messages are tried.
func RetryFor(channel *v1alpha1.NotificationChannel) time.Duration {
	if channel == nil || channel.Spec.RetryFor == "" {
		return defaultRetryFor
	}
	return hours(channel.Spec.RetryFor)
}

// hours reads a period that the API's pattern has checked; a malformed one is zero.
func hours(h v1alpha1.Hours) time.Duration {
	p, err := deadline.ParsePeriod(string(h))
	if err != nil {
		return 0
	}
	return time.Duration(p.Hours) * time.Hour
}

// Throttled tells for how long a channel that made its last attempts at those instants must rest.
func Throttled(channel *v1alpha1.NotificationChannel, attempts []time.Time, now time.Time) time.Duration {
	limit := defaultPerHour
	if channel != nil && channel.Spec.PerHour > 0 {
		limit = int(channel.Spec.PerHour)
	}
	count, oldest := 0, now
	for _, at := range attempts {
		if age := now.Sub(at); age >= 0 && age < time.Hour {
			count++
			if at.Before(oldest) {
				oldest = at
			}
		}
	}
	if count < limit {
		return 0
	}
	return max(shortestBackoff, oldest.Add(time.Hour).Sub(now))
}
