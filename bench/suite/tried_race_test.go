//go:build race

package suite

import "regexp"

// tried are the workloads that TestWorkloads runs: under the race detector not each
// transport at each depth and size, which is the same code.
func tried() (list []Workload) {
	again := regexp.MustCompile(`^transport\.[a-z0-9]+\.(d1\.|d64\.|d16\.(256b|10k|1m)$)`)
	for _, w := range Workloads() {
		if !again.MatchString(w.ID) {
			list = append(list, w)
		}
	}
	return list
}
