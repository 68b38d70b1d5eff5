// Holds queries against what is really served, with Prometheus' own parsers.
//
// The argument is a file with a scrape in the OpenMetrics format. Each line of
// standard input is a query as a JSON string; each line of standard output says
// what is wrong with it, or what of the scrape each of its selectors selects.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql/parser"
)

// answer is about one query.
type answer struct {
	// Error says why it is no query; empty if it is one.
	Error     string     `json:"error"`
	Selectors []selector `json:"selectors"`
}

// selector is a place of a query that names a metric.
type selector struct {
	Metric string `json:"metric"`
	// Served says whether the scrape has a metric of that name.
	Served bool `json:"served"`
	// Selected counts the series of the scrape that it selects.
	Selected int `json:"selected"`
	// Labels are those that the query uses of it: what it is selected,
	// grouped and matched by.
	Labels []string `json:"labels"`
	// Missing are those of Labels that no series of that name has.
	Missing []string `json:"missing"`
}

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("name one file with a scrape"))
	}
	scrape, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	series, err := parse(scrape)
	if err != nil {
		fail(fmt.Errorf("what was scraped is not OpenMetrics: %w", err))
	}
	queries, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var query string
		if err := queries.Decode(&query); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			fail(err)
		}
		if err := answers.Encode(hold(query, series)); err != nil {
			fail(err)
		}
	}
}

// parse reads the series of a scrape.
func parse(scrape []byte) ([]labels.Labels, error) {
	const contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
	lines, err := textparse.New(scrape, contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return nil, err
	}
	var all []labels.Labels
	for {
		entry, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		if entry == textparse.EntrySeries {
			var one labels.Labels
			lines.Labels(&one)
			all = append(all, one)
		}
	}
}

func hold(query string, series []labels.Labels) answer {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return answer{Error: err.Error()}
	}
	found := answer{Selectors: []selector{}}
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		if vector, ok := node.(*parser.VectorSelector); ok {
			found.Selectors = append(found.Selectors, selected(vector, path, series))
		}
		return nil
	})
	return found
}

func selected(vector *parser.VectorSelector, path []parser.Node, series []labels.Labels) selector {
	one := selector{Metric: vector.Name, Labels: []string{}, Missing: []string{}}
	for _, matcher := range vector.LabelMatchers {
		if matcher.Name != labels.MetricName {
			one.Labels = append(one.Labels, matcher.Name)
		}
	}
	for _, above := range path {
		switch above := above.(type) {
		case *parser.AggregateExpr:
			if !above.Without {
				one.Labels = append(one.Labels, above.Grouping...)
			}
		case *parser.BinaryExpr:
			if above.VectorMatching != nil && above.VectorMatching.On {
				one.Labels = append(one.Labels, above.VectorMatching.MatchingLabels...)
			}
		}
	}
	missing := map[string]bool{}
	for _, name := range one.Labels {
		missing[name] = true
	}
	for _, of := range series {
		if of.Get(labels.MetricName) != vector.Name {
			continue
		}
		one.Served = true
		of.Range(func(label labels.Label) { delete(missing, label.Name) })
		if matches(vector, of) {
			one.Selected++
		}
	}
	for _, name := range one.Labels {
		if missing[name] {
			one.Missing = append(one.Missing, name)
		}
	}
	return one
}

func matches(vector *parser.VectorSelector, of labels.Labels) bool {
	for _, matcher := range vector.LabelMatchers {
		if !matcher.Matches(of.Get(matcher.Name)) {
			return false
		}
	}
	return true
}

func fail(why error) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
