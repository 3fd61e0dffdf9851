package consentpolicy

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/webhook/internal/harness"
	"github.com/rempart-dev/rempart/internal/webhook/lookup"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func class(name, region string) *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "ebs.csi.aws.com", AllowedTopologies: []corev1.TopologySelectorTerm{
		{MatchLabelExpressions: []corev1.TopologySelectorLabelRequirement{{Key: corev1.LabelTopologyRegion, Values: []string{region}}}}}}
}

func officer(name, legalName string) *v1alpha1.DataProtectionOfficer {
	return &v1alpha1.DataProtectionOfficer{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.DataProtectionOfficerSpec{
		Organisation: v1alpha1.Organisation{LegalName: legalName, Country: "FR"}}}
}

func dreg(basis v1alpha1.LegalBasis) *v1alpha1.DataRegister {
	return &v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm"}, Spec: v1alpha1.DataRegisterSpec{
		Activities: []v1alpha1.ProcessingActivity{{Name: "support", Purposes: []v1alpha1.Purpose{{Name: "conversation", LegalBasis: basis}}}}}}
}

// told are words that tell of a purpose.
func told(purpose v1alpha1.PartName) v1alpha1.NoticeText {
	return v1alpha1.NoticeText{Language: "fr", Banner: "Bonjour", Purposes: []v1alpha1.PurposeText{{Name: purpose}}}
}

// chat is a policy with a managed ledger in Paris.
func chat(edits ...func(*v1alpha1.ConsentPolicy)) *v1alpha1.ConsentPolicy {
	cpol := &v1alpha1.ConsentPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "chat"}, Spec: v1alpha1.ConsentPolicySpec{
		OfficerRef: v1alpha1.ClusterRef{Name: "acme"}, RegisterRef: v1alpha1.LocalRef{Name: "crm"},
		Purposes: []v1alpha1.ConsentPurpose{{Name: "conversation", LegalBasis: v1alpha1.BasisContract, Retention: "P3Y"}},
		Notices:  []v1alpha1.ConsentNotice{{Version: 1, Change: v1alpha1.NoticeMaterial, Texts: []v1alpha1.NoticeText{told("conversation")}}},
		Service: v1alpha1.ConsentService{Database: v1alpha1.LedgerDatabase{Managed: &v1alpha1.ManagedStore{
			Storage: v1alpha1.StorageRequest{StorageClassName: "paris"}}}},
	}}
	for _, edit := range edits {
		edit(cpol)
	}
	return cpol
}

// shown is a policy whose notice 1 people have seen.
func shown(edits ...func(*v1alpha1.ConsentPolicy)) *v1alpha1.ConsentPolicy {
	return chat(append(edits, func(p *v1alpha1.ConsentPolicy) { p.Status.Notice = &v1alpha1.NoticeStatus{Version: 1} })...)
}

func retention(p *v1alpha1.ConsentPolicy) { p.Spec.Purposes[0].Retention = "P9Y" }

// children are asked for an age that is too low in France.
func children(p *v1alpha1.ConsentPolicy) {
	p.Spec.Purposes[0].LegalBasis, p.Spec.Purposes[0].MinimumAge = v1alpha1.BasisConsent, 13
}

func asked(p *v1alpha1.ConsentPolicy) {
	p.Spec.Notices = append(p.Spec.Notices, v1alpha1.ConsentNotice{Version: 2, Change: v1alpha1.NoticeMaterial, Texts: []v1alpha1.NoticeText{told("conversation")}})
}

func optional(p *v1alpha1.ConsentPolicy) {
	p.Spec.Purposes[0].Necessity, p.Spec.Purposes[0].Acceptance = v1alpha1.NecessityOptional, []v1alpha1.AcceptanceMethod{v1alpha1.AcceptButton}
}

func image(name string) func(*v1alpha1.ConsentPolicy) {
	return func(p *v1alpha1.ConsentPolicy) { p.Spec.Service.Database.Managed.Image = name }
}

func in(name string) func(*v1alpha1.ConsentPolicy) {
	return func(p *v1alpha1.ConsentPolicy) {
		p.Spec.Service.Database.Managed.Storage.StorageClassName = v1alpha1.ObjectName(name)
	}
}

func elsewhere(country v1alpha1.Country, host string) func(*v1alpha1.ConsentPolicy) {
	return func(p *v1alpha1.ConsentPolicy) {
		p.Spec.Service.Database = v1alpha1.LedgerDatabase{Connection: &v1alpha1.LedgerConnection{Host: host, Place: v1alpha1.ExternalStore{Country: country},
			AdminSecretRef: v1alpha1.SecretRef{Name: "admin"}, AppSecretRef: v1alpha1.SecretRef{Name: "app"},
			SequencerSecretRef: v1alpha1.SecretRef{Name: "sequencer"}, PrunerSecretRef: v1alpha1.SecretRef{Name: "pruner"},
			TLS: v1alpha1.ConnectionTLS{CASecretRef: &v1alpha1.SecretRef{Name: "roots"}}}}
	}
}

func named(secret string) func(*v1alpha1.ConsentPolicy) {
	return func(p *v1alpha1.ConsentPolicy) {
		p.Spec.Service.KEKSecretRef = &v1alpha1.SecretRef{Name: v1alpha1.ObjectName(secret)}
	}
}

// mailed lets the service mail by a host in a country, with the credentials of a Secret.
func mailed(country v1alpha1.Country, host, secret string) func(*v1alpha1.ConsentPolicy) {
	return func(p *v1alpha1.ConsentPolicy) {
		p.Spec.Service.Mail = &v1alpha1.ConsentMail{Host: host, Place: v1alpha1.ExternalStore{Country: country},
			CredentialsSecretRef: &v1alpha1.SecretRef{Name: v1alpha1.ObjectName(secret)}, CASecretRef: &v1alpha1.SecretRef{Name: "mail-roots"}}
	}
}

func stored(p *v1alpha1.ConsentPolicy) { p.Spec.Widget.StorageBasis = v1alpha1.StorageConsent }

// at publishes the service by a host, through an Ingress, through by a Gateway.
func at(host string) func(*v1alpha1.ConsentPolicy) {
	return func(p *v1alpha1.ConsentPolicy) { p.Spec.Service.Host = host }
}

func through(p *v1alpha1.ConsentPolicy) {
	p.Spec.Service.GatewayRef = &v1alpha1.GatewayRef{Name: "public", Namespace: "infra"}
}

func TestPoliciesAreJudged(t *testing.T) {
	register, taken := dreg(v1alpha1.BasisContract), chat(at("taken.acme.example"))
	taken.Namespace = "neighbour"
	for name, test := range map[string]struct {
		object, old *v1alpha1.ConsentPolicy
		register    *v1alpha1.DataRegister
		denied      string
		refused     string
		warned      string
	}{
		"a good policy":              {chat(), nil, register, "", "", ""},
		"before its register":        {chat(), nil, nil, "", "", `DataRegister "crm" does not exist yet`},
		"before its officer":         {chat(func(p *v1alpha1.ConsentPolicy) { p.Spec.OfficerRef.Name = "nobody" }), nil, register, "", "", `"nobody" does not exist yet`},
		"a purpose of another basis": {chat(), nil, dreg(v1alpha1.BasisConsent), "", `purpose "conversation" has legal basis Contract`, ""},
		"a purpose that is not recorded": {chat(func(p *v1alpha1.ConsentPolicy) {
			p.Spec.Purposes[0].Name, p.Spec.Notices[0].Texts[0] = "statistics", told("statistics")
		}), nil, register, "", `purpose "statistics" is not in DataRegister "crm"`, ""},
		"a gate for a purpose that nobody has": {chat(func(p *v1alpha1.ConsentPolicy) {
			p.Spec.Gate.Records = []v1alpha1.GateRecord{{Name: "r", Fields: []v1alpha1.GateField{{Name: "email", Purposes: []v1alpha1.PartName{"x"}}}}}
		}), nil, register, "", "rule gate-purposes", ""},
		"a class abroad":                           {chat(in("london")), nil, register, "", `the ledger: ResidencyPolicy eu-only, rule storage-class: class "london"`, ""},
		"a move abroad":                            {chat(in("london")), chat(), register, "", "rule storage-class", ""},
		"a change of what was abroad already":      {chat(in("london"), retention), chat(in("london")), register, "", "", ""},
		"a ledger elsewhere in the Union":          {chat(elsewhere("FR", "db")), nil, register, "", "", ""},
		"a ledger abroad":                          {chat(elsewhere("US", "db")), nil, register, "", "rule declared-place", ""},
		"a Secret that the user may not read":      {chat(elsewhere("FR", "db")), nil, register, "get secrets/sequencer", "get secrets/sequencer", ""},
		"a key that the user may not read":         {chat(named("kms")), nil, register, "get secrets/kms", "get secrets/kms", ""},
		"another's key":                            {chat(named("kms"), retention), chat(named("kms")), register, "get secrets/kms", "", ""},
		"another's password to another host":       {chat(elsewhere("FR", "evil")), chat(elsewhere("FR", "db")), register, "get secrets/admin", "get secrets/admin", ""},
		"a mail server in the Union":               {chat(mailed("FR", "mail", "post")), nil, register, "", "", ""},
		"a mail server abroad":                     {chat(mailed("US", "mail", "post")), nil, register, "", "the mail server: ResidencyPolicy eu-only, rule declared-place", ""},
		"a mail server that moves abroad":          {chat(mailed("US", "mail", "post")), chat(mailed("FR", "mail", "post")), register, "", "rule declared-place", ""},
		"a change of what mails abroad already":    {chat(mailed("US", "mail", "post"), retention), chat(mailed("US", "mail", "post")), register, "", "", ""},
		"credentials that the user may not read":   {chat(mailed("FR", "mail", "post")), nil, register, "get secrets/post", "get secrets/post", ""},
		"roots that the user may not read":         {chat(mailed("FR", "mail", "post")), nil, register, "get secrets/mail-roots", "get secrets/mail-roots", ""},
		"another's credentials to another host":    {chat(mailed("FR", "evil", "post")), chat(mailed("FR", "mail", "post")), register, "get secrets/post", "get secrets/post", ""},
		"another's credentials to the same host":   {chat(mailed("FR", "mail", "post"), retention), chat(mailed("FR", "mail", "post")), register, "get secrets/post", "", ""},
		"a database's password to a mail server":   {chat(elsewhere("FR", "db"), mailed("FR", "mail", "app")), chat(elsewhere("FR", "db")), register, "get secrets/app", "get secrets/app", ""},
		"a mail server, and another's database":    {chat(elsewhere("FR", "db"), mailed("FR", "mail", "post")), chat(elsewhere("FR", "db")), register, "get secrets/app", "", ""},
		"no mail server any more":                  {chat(), chat(mailed("US", "mail", "post")), register, "get secrets/post", "", ""},
		"a draft":                                  {chat(retention), chat(), register, "", "", ""},
		"what people accepted":                     {shown(retention), shown(), register, "", "rule material-change", ""},
		"what people accepted, and they are asked": {shown(retention, asked), shown(), register, "", "", ""},
		"another notice, without a word of it":     {shown(retention, asked), shown(), register, "", "", `notice 2 asks everybody again and does not say what changed in "fr"`},
		"a consent that nobody was asked for":      {shown(stored), shown(), register, "", "", "storage on the device rests on consent from now on"},
		"published words":                          {shown(func(p *v1alpha1.ConsentPolicy) { p.Spec.Notices[0].Texts[0].Banner = "Bonsoir" }), shown(), register, "", "rule published-words", ""},
		"another controller":                       {shown(func(p *v1alpha1.ConsentPolicy) { p.Spec.OfficerRef.Name = "other" }), shown(), register, "", "the controller changes", ""},
		"another officer of the same controller":   {shown(func(p *v1alpha1.ConsentPolicy) { p.Spec.OfficerRef.Name = "deputy" }), shown(), register, "", "", ""},
		"a label on what would be refused":         {shown(func(p *v1alpha1.ConsentPolicy) { p.Labels = map[string]string{"a": "b"} }), shown(), dreg(v1alpha1.BasisConsent), "get secrets/kms", "", ""},
		"an age below the country's":               {chat(children), nil, dreg(v1alpha1.BasisConsent), "", "", "children of FR consent by themselves from 15 (Article 8(1))"},
		"such an age in a change":                  {shown(children, asked), shown(), dreg(v1alpha1.BasisConsent), "", "", "children of FR consent by themselves from 15 (Article 8(1))"},
		"a deletion":                               {nil, shown(), register, "", "", ""},
		"a host that nobody has":                   {chat(at("consent.acme.example")), nil, register, "", "", ""},
		"another's host":                           {chat(at("taken.acme.example")), nil, register, "", "rule host-taken", ""},
		"another's host by a Gateway":              {chat(at("taken.acme.example"), through), nil, register, "", "rule host-taken", ""},
		"a move to another's host":                 {chat(at("taken.acme.example")), chat(at("consent.acme.example")), register, "", "rule host-taken", ""},
		"a host that was shared already":           {chat(at("taken.acme.example"), retention), chat(at("taken.acme.example")), register, "", "", ""},
		"an Ingress that the user may not make":    {chat(at("consent.acme.example")), nil, register, "create ingresses.networking.k8s.io", "create ingresses.networking.k8s.io", ""},
		"a route that the user may not make":       {chat(at("consent.acme.example"), through), chat(at("consent.acme.example")), register, "create httproutes.gateway.networking.k8s.io", "create httproutes.gateway.networking.k8s.io", ""},
		"an optional purpose without a box":        {chat(optional), nil, register, "", "", `purpose "conversation" needs consent and does not list Checkbox`},
		"an image that the user may not run":       {chat(image("postgres:17")), nil, register, "create statefulsets.apps", "create statefulsets.apps", ""},
		"another image":                            {chat(image("miner:1")), chat(image("postgres:17")), register, "create statefulsets.apps", "create statefulsets.apps", ""},
		"an image of before":                       {chat(image("postgres:17"), retention), chat(image("postgres:17")), register, "create statefulsets.apps", "", ""},
		"an Ingress of before":                     {chat(at("consent.acme.example"), retention), chat(at("consent.acme.example")), register, "create ingresses.networking.k8s.io", "", ""},
		"no host any more":                         {chat(), chat(at("consent.acme.example")), register, "create ingresses.networking.k8s.io", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, class("paris", "eu-west-3"), class("london", "eu-west-2"),
				officer("acme", "Acme SAS"), officer("deputy", "Acme SAS"), officer("other", "Other SAS"), taken,
				&v1alpha1.ResidencyPolicy{ObjectMeta: metav1.ObjectMeta{Name: "eu-only"}, Spec: v1alpha1.ResidencyPolicySpec{
					Enforcement: v1alpha1.EnforcementEnforce, Role: v1alpha1.PolicyRoleDefault, Provider: "aws"}}}
			if test.register != nil {
				objects = append(objects, test.register.DeepCopy())
			}
			c := fake.NewClientBuilder().WithScheme(harness.Scheme(t)).WithObjects(objects...).Build()
			world := lookup.World{Live: c, Cached: c, Clock: clocktesting.NewFakePassiveClock(noon), OperatorNamespace: "rempart-system"}
			handler := New(harness.Scheme(t), world, &harness.Rights{Denied: []string{test.denied}})
			for range 2 {
				response := handler.Handle(t.Context(), harness.Request(t, "author", test.object, test.old))
				switch {
				case response.Allowed != (test.refused == ""):
					t.Errorf("allowed = %v: %+v", response.Allowed, response.Result)
				case test.refused != "" && !strings.Contains(response.Result.Message, test.refused):
					t.Errorf("refused with %q, want %q", response.Result.Message, test.refused)
				case test.warned != "" && !strings.Contains(strings.Join(response.Warnings, "\n"), test.warned):
					t.Errorf("warned %q, want %q", response.Warnings, test.warned)
				}
			}
		})
	}
}
