package mcp

import "github.com/gannetmcp/gannet/codec"

// The revisions of the protocol.
const (
	Revision20241105 = "2024-11-05"
	Revision20250326 = "2025-03-26"
	Revision20250618 = "2025-06-18"
	Revision20251125 = "2025-11-25"
	Revision20260728 = "2026-07-28"

	LatestRevision       = Revision20260728
	LatestLegacyRevision = Revision20251125
)

// revision is a row of the table of everything that differs between revisions.
type revision struct {
	name  string
	index int

	modern        bool // no initialize; params._meta on each request; resultType on each result
	batches       bool // a JSON-RPC batch is served
	omitErrorID   bool // an error for an unreadable id leaves the member out
	argsInResult  bool // bad tool arguments are a result with isError, not an error
	annotations   bool // of tools
	audio         bool // content blocks
	progressText  bool // notifications/progress has message
	titles        bool // of tools and implementations
	structured    bool // outputSchema, structuredContent
	resourceLinks bool // content blocks
	featureMeta   bool // _meta of tools, prompts, resources
	icons         bool // and description, websiteUrl of implementations
	completions   bool // the capability of that name
	lastModified  bool // of annotations
	elicitation   bool // by forms
	elicitURL     bool
	coreTasks     bool // tasks that clients ask for by params.task
	anyOutput     bool // outputSchema and structuredContent need not be of objects

	capabilities   *node   // of clients
	implementation *node   // of clients: clientInfo
	callMembers    members // of tools/call, beside name and arguments
	inputMembers   members // of prompts/get and resources/read
	methods        methods // of requests from clients
}

const revisionCount = 5

// Methods that clients may call, by era.
var (
	everMethods = methodSet(methodToolsList, methodToolsCall, methodResourcesList, methodTemplatesList, methodResourcesRead,
		methodPromptsList, methodPromptsGet, methodComplete)
	legacyMethods = everMethods | methodSet(methodInitialize, methodPing, methodSubscribe, methodUnsubscribe, methodSetLevel)
	taskMethods   = methodSet(methodTasksGet, methodTasksResult, methodTasksList, methodTasksCancel)
	modernMethods = everMethods | methodSet(methodDiscover, methodListen, methodTasksGet, methodTasksCancel, methodTasksUpdate)
)

// revisions is in order of age.
var revisions = [revisionCount]revision{
	{name: Revision20241105, methods: legacyMethods,
		capabilities: capabilities2024, implementation: implementation2024},
	{name: Revision20250326, methods: legacyMethods, batches: true,
		annotations: true, audio: true, progressText: true, completions: true,
		capabilities: capabilities2024, implementation: implementation2024},
	{name: Revision20250618, methods: legacyMethods,
		annotations: true, audio: true, progressText: true, completions: true,
		titles: true, structured: true, resourceLinks: true, featureMeta: true, lastModified: true, elicitation: true,
		capabilities: capabilities202506, implementation: implementation202506},
	{name: Revision20251125, methods: legacyMethods | taskMethods, omitErrorID: true, argsInResult: true,
		annotations: true, audio: true, progressText: true, completions: true,
		titles: true, structured: true, resourceLinks: true, featureMeta: true, lastModified: true, elicitation: true,
		icons: true, elicitURL: true, coreTasks: true,
		capabilities: capabilities202511, implementation: implementation202511,
		callMembers: members{{"task", taskShape}}},
	{name: Revision20260728, methods: modernMethods, omitErrorID: true, argsInResult: true, modern: true,
		annotations: true, audio: true, progressText: true, completions: true,
		titles: true, structured: true, resourceLinks: true, featureMeta: true, lastModified: true, elicitation: true,
		icons: true, elicitURL: true, anyOutput: true,
		capabilities: capabilities202607, implementation: implementation202511,
		callMembers: retryMembers, inputMembers: retryMembers},
}

// retryMembers are what the retry of a request that asked for input has.
var retryMembers = members{{"inputResponses", inputResponsesShape}, {"requestState", stringShape}}

func init() {
	for i := range revisions {
		revisions[i].index = i
	}
}

var (
	latestLegacy = &revisions[revisionCount-2]
	modernOne    = &revisions[revisionCount-1]
)

// Revisions returns the names of the revisions that are served, oldest first.
func Revisions() []string {
	names := make([]string, 0, revisionCount)
	for i := range revisions {
		names = append(names, revisions[i].name)
	}
	return names
}

// revisionNamed returns the revision that a JSON string names, nil if it is
// unknown.
func revisionNamed(name codec.Value) *revision {
	for i := len(revisions) - 1; i >= 0; i-- {
		if name.EqualString(revisions[i].name) {
			return &revisions[i]
		}
	}
	return nil
}

// negotiate returns the revision that an initialize asking for name is
// answered with: the same where it is a legacy one, else the latest of these.
func negotiate(name codec.Value) *revision {
	if r := revisionNamed(name); r != nil && !r.modern {
		return r
	}
	return latestLegacy
}
