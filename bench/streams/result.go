package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	facts "github.com/gannetmcp/gannet/bench/result"
)

// result is what was measured. Times are µs, memory is bytes.
type result struct {
	Facts facts.Facts `json:"facts"`

	Mode          string  `json:"mode"`
	Connections   int     `json:"connections"`
	OpenSeconds   float64 `json:"open_s"`
	RSSBase       int64   `json:"rss_base"`
	RSSOpen       int64   `json:"rss_open"`
	PerConnection float64 `json:"rss_per_connection"`
	IdleCPU       float64 `json:"idle_cpu"` // of one core, while nothing happens

	Publishes   int     `json:"publishes,omitempty"`
	EventBytes  int     `json:"event_bytes,omitempty"`
	ServerCPU   float64 `json:"server_cpu_us_per_event,omitempty"`
	EventsRate  float64 `json:"events_per_core_second,omitempty"`
	DeliveryP50 float64 `json:"delivery_p50_us,omitempty"` // from the publish, over all streams and publishes
	DeliveryP99 float64 `json:"delivery_p99_us,omitempty"`
	LastP50     float64 `json:"last_p50_us,omitempty"` // of the last stream of each publish
	LastMax     float64 `json:"last_max_us,omitempty"`
}

// readResults reads a file of results, none where there is no file.
func readResults(path string) (all []*result, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// save adds the result to a file of results.
func (r *result) save(path string) error {
	all, err := readResults(path)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(append(all, r), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// printTable writes a file of results as Markdown, a line each.
func printTable(w io.Writer, path string) error {
	all, err := readResults(path)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("%s: no results", path)
	}
	fmt.Fprint(w, "| connections | RSS bytes each | idle CPU % | CPU µs an event | events/s a core | delivered p50, p99 ms | last p50, max ms |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range all {
		fmt.Fprintf(w, "| %d %s | %.0f | %.2f |", r.Connections, map[string]string{"sse": "event streams", "http": "kept alive"}[r.Mode], r.PerConnection, 100*r.IdleCPU)
		if r.Publishes == 0 {
			fmt.Fprint(w, " | | | |\n")
			continue
		}
		fmt.Fprintf(w, " %.2f | %.0f | %.1f, %.1f | %.1f, %.1f |\n", r.ServerCPU, r.EventsRate, r.DeliveryP50/1e3, r.DeliveryP99/1e3, r.LastP50/1e3, r.LastMax/1e3)
	}
	return nil
}
