package residency

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// maxResults bounds a report. The summary counts what it leaves out.
const maxResults = 500

// reportPrefix begins the name of every report.
const reportPrefix = "rempart-residency-"

// Report is what OpenReports' Report and the Policy Working Group's PolicyReport have in common, but for kind and metadata.
type Report struct {
	Namespace, Name string
	// Policy that the report is of, and its UID; empty for the built-in one.
	Policy, UID string
	Scope       corev1.ObjectReference
	Summary     ReportSummary
	Results     []ReportResult
}

// ReportSummary counts judgements by result.
type ReportSummary struct {
	Pass  int `json:"pass"`
	Fail  int `json:"fail"`
	Warn  int `json:"warn"`
	Error int `json:"error"`
	Skip  int `json:"skip"`
}

// ReportResult is one judgement that is not a pass.
type ReportResult struct {
	Source     string                   `json:"source"`
	Policy     string                   `json:"policy"`
	Rule       string                   `json:"rule"`
	Category   string                   `json:"category"`
	Severity   string                   `json:"severity"`
	Result     string                   `json:"result"`
	Scored     bool                     `json:"scored"`
	Message    string                   `json:"message"`
	Resources  []corev1.ObjectReference `json:"resources"`
	Properties map[string]string        `json:"properties"`
}

// ReportName is the name of the reports of a policy, one in each namespace.
func ReportName(policy string) string { return reportPrefix + orElse(policy, "built-in") }

// Reports are the reports of a scan: one per policy and namespace in which something was judged. Failures come first, then
// what exceptions lift, as skip. They do not change while the scan finds the same.
func (s *Scan) Reports() []Report {
	var reports []Report
	for _, policy := range s.All() {
		byNamespace := map[string]*Report{}
		for namespace, counts := range policy.Namespaces {
			byNamespace[namespace] = &Report{Namespace: namespace, Name: ReportName(policy.Policy), Policy: policy.Policy, UID: policy.UID,
				Scope: corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: namespace}, Summary: ReportSummary{Pass: counts.Pass, Fail: counts.Fail, Skip: counts.Skip}}
		}
		for _, list := range [][]Finding{policy.Findings, policy.Excused} {
			for i := range list {
				if report := byNamespace[list[i].Namespace]; len(report.Results) < maxResults {
					report.Results = append(report.Results, resultOf(policy.Policy, &list[i]))
				}
			}
		}
		for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
			reports = append(reports, *byNamespace[namespace])
		}
	}
	return reports
}

func resultOf(policy string, f *Finding) ReportResult {
	object := f.Object()
	object.UID = ""
	result := ReportResult{Source: "rempart", Policy: orElse(policy, BuiltInPolicy), Rule: f.Rule, Category: "Data residency", Severity: "medium", Result: "fail", Scored: true,
		Message: f.Message, Resources: []corev1.ObjectReference{object}, Properties: map[string]string{"verdict": string(f.Verdict), "reason": string(f.Reason)}}
	if f.Verdict == v1alpha1.VerdictDenied {
		result.Severity = "high"
	}
	for key, value := range map[string]string{"class": f.Class, "region": f.Place.Code(), "country": string(f.Place.Country), "exception": string(f.Exception)} {
		if value != "" {
			result.Properties[key] = value
		}
	}
	if f.Exception != "" {
		result.Result, result.Severity = "skip", "info"
		result.Message = fmt.Sprintf("exception %q lifts this: %s", f.Exception, f.Message)
	}
	return result
}

// Content is the report as an object without kind and metadata.
func (r Report) Content() (map[string]any, error) {
	body, err := json.Marshal(struct {
		Scope   corev1.ObjectReference `json:"scope"`
		Summary ReportSummary          `json:"summary"`
		Results []ReportResult         `json:"results,omitempty"`
	}{r.Scope, r.Summary, r.Results})
	if err != nil {
		return nil, fmt.Errorf("encoding a report: %w", err)
	}
	content := map[string]any{}
	if err := json.Unmarshal(body, &content); err != nil {
		return nil, fmt.Errorf("encoding a report: %w", err)
	}
	return content, nil
}
