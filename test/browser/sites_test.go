package browser

import (
	"fmt"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// variants are the sites that the suite visits: one, and what others do differently. Each has a policy of its own.
var variants = map[string]func(*v1alpha1.ConsentPolicySpec){
	"shop":     func(*v1alpha1.ConsentPolicySpec) {},
	"explicit": func(s *v1alpha1.ConsentPolicySpec) { s.Widget.Acceptance = v1alpha1.WidgetExplicit },
	"lazy":     func(s *v1alpha1.ConsentPolicySpec) { s.Widget.ReadAtLoad = v1alpha1.FeatureDisabled },
	// shy reads nothing at load, and remembers a refusal.
	"shy": func(s *v1alpha1.ConsentPolicySpec) {
		s.Widget.ReadAtLoad, s.Widget.RememberRefusal = v1alpha1.FeatureDisabled, v1alpha1.FeatureEnabled
	},
	// gateless has pages take messages by their own code.
	"gateless":   func(s *v1alpha1.ConsentPolicySpec) { s.Widget.SendURL = "" },
	"remember":   func(s *v1alpha1.ConsentPolicySpec) { s.Widget.RememberRefusal = v1alpha1.FeatureEnabled },
	"ephemeral":  func(s *v1alpha1.ConsentPolicySpec) { s.Widget.Ephemeral = v1alpha1.FeatureEnabled },
	"tab":        func(s *v1alpha1.ConsentPolicySpec) { s.Widget.Store = v1alpha1.StoreTab },
	"cookie":     func(s *v1alpha1.ConsentPolicySpec) { s.Widget.Store = v1alpha1.StoreCookie },
	"aggregate":  func(s *v1alpha1.ConsentPolicySpec) { s.Widget.Proof = v1alpha1.ProofAggregate },
	"untracked":  func(s *v1alpha1.ConsentPolicySpec) { s.Widget.DoNotTrack = v1alpha1.DoNotTrackIgnored },
	"unasserted": func(s *v1alpha1.ConsentPolicySpec) { s.SiteAssertion.Mode = v1alpha1.AssertionRefused },
	// young asks for an age.
	"young": func(s *v1alpha1.ConsentPolicySpec) {
		s.Widget.Acceptance = v1alpha1.WidgetExplicit
		s.SiteAssertion.Mode = v1alpha1.AssertionRefused
		for i := range s.Purposes {
			s.Purposes[i].MinimumAge = 15
		}
		s.Purposes[0].Acceptance = []v1alpha1.AcceptanceMethod{v1alpha1.AcceptButton}
	},
	// arabic is written from right to left.
	"arabic": func(s *v1alpha1.ConsentPolicySpec) {
		s.Sites[0].Languages = []v1alpha1.NoticeLanguage{"ar"}
		s.Sites[0].DefaultLanguage = "ar"
		s.Sites[0].Triggers[0].Texts = []v1alpha1.TriggerText{{Language: "ar", Text: "هل تريد إرجاع منتج؟ سأرشدك."}}
		for i := range s.Notices {
			s.Notices[i].Texts = append(s.Notices[i].Texts, arabic)
		}
	},
	// two has a second purpose of the service that is asked for.
	"two": func(s *v1alpha1.ConsentPolicySpec) {
		history := *s.Purposes[0].DeepCopy()
		history.Name = "history"
		s.Purposes = append(s.Purposes, history)
		for i := range s.Notices {
			for j := range s.Notices[i].Texts {
				text := &s.Notices[i].Texts[j]
				text.Purposes = append(text.Purposes, v1alpha1.PurposeText{Name: "history", Title: "Historique", Text: "Pour relire la conversation."})
			}
		}
	},
	// optin has a newsletter that a mail must confirm.
	"optin": func(s *v1alpha1.ConsentPolicySpec) {
		s.Purposes[1].DoubleOptIn = v1alpha1.RequirementRequired
		s.Purposes[1].Acceptance = append(s.Purposes[1].Acceptance, v1alpha1.AcceptDoubleOptIn)
	},
	// later is where the service's clock is moved.
	"later": func(*v1alpha1.ConsentPolicySpec) {},
	// same is served from the origin of its pages, which a policy of 'self' wants.
	"same": func(*v1alpha1.ConsentPolicySpec) {},
}

// base changes the policy of consentd's tests into that of a site: a conversation, and a newsletter that nobody needs.
func base(s *v1alpha1.ConsentPolicySpec, site, pages string) {
	s.Purposes = s.Purposes[:2]
	s.Purposes[1].DoubleOptIn, s.Purposes[1].Acceptance = v1alpha1.RequirementNotRequired, []v1alpha1.AcceptanceMethod{v1alpha1.AcceptCheckbox}
	s.Gate = v1alpha1.ConsentGate{}
	s.Widget.SendURL = v1alpha1.WebURL(pages + "/messages")
	trigger := v1alpha1.SiteTrigger{ID: "returns", Texts: []v1alpha1.TriggerText{
		{Language: "fr", Text: "Vous voulez renvoyer un article ? Je vous guide."},
		{Language: "en", Text: "Do you want to return an item? I can guide you."},
	}}
	s.Sites = []v1alpha1.ConsentSite{{ID: v1alpha1.PartName(site), Origins: []v1alpha1.Origin{v1alpha1.Origin(pages)},
		Languages: []v1alpha1.NoticeLanguage{"fr", "en"}, DefaultLanguage: "fr", Triggers: []v1alpha1.SiteTrigger{trigger}}}
}

// arabic are the words of a notice from right to left.
var arabic = v1alpha1.NoticeText{
	Language: "ar", Accept: "موافق", AcceptAndSend: "موافق وإرسال", AcceptAndStart: "موافق وبدء", Refuse: "رفض", Details: "التفاصيل", Choices: "خياراتي",
	TermsURL: "https://shop.example/terms", PrivacyURL: "https://shop.example/privacy",
	Banner: "بإرسال رسالة فإنك توافق على الشروط وعلى حفظ معرّف على جهازك لهذه المحادثة.",
	Purposes: []v1alpha1.PurposeText{{Name: "conversation", Title: "المحادثة", Text: "للرد على رسائلك. تُحفظ الرسائل 30 يومًا."},
		{Name: "newsletter", Title: "النشرة البريدية", Text: "لنكتب إليك مرة في الشهر."}},
}

// edition is a version of the notice whose words say which one it is.
func edition(version int32, change v1alpha1.NoticeChange) v1alpha1.ConsentNotice {
	mark, changes := "", ""
	if version > 1 {
		mark = fmt.Sprintf(" (édition %d)", version)
	}
	if version > 1 && change == v1alpha1.NoticeMaterial {
		changes = "Un autre les lit aussi."
	}
	told := func(conversation, about, newsletter, monthly string) []v1alpha1.PurposeText {
		return []v1alpha1.PurposeText{{Name: "conversation", Title: conversation, Text: about}, {Name: "newsletter", Title: newsletter, Text: monthly}}
	}
	return v1alpha1.ConsentNotice{Version: version, Change: change, Texts: []v1alpha1.NoticeText{
		{
			Language: "fr", Changes: changes, Accept: "Accepter", AcceptAndSend: "Accepter et envoyer", AcceptAndStart: "Accepter et démarrer", Refuse: "Refuser",
			Details: "Détails", Choices: "Mes choix", TermsURL: "https://shop.example/conditions", PrivacyURL: "https://shop.example/vie-privee",
			Banner:   "En envoyant un message, vous acceptez les conditions et l'enregistrement d'un identifiant sur votre appareil pour cette conversation." + mark,
			Purposes: told("Conversation", "Répondre à vos messages. Les messages sont gardés 30 jours.", "Lettre d'information", "Vous écrire une fois par mois."),
		},
		{
			Language: "en", Accept: "Accept", AcceptAndSend: "Accept and send", AcceptAndStart: "Accept and start", Refuse: "Refuse",
			Details: "Details", Choices: "My choices", TermsURL: "https://shop.example/terms", PrivacyURL: "https://shop.example/privacy",
			Banner:   "By sending a message you accept the terms and that an identifier is stored on your device for this conversation." + mark,
			Purposes: told("Conversation", "To answer your messages. Messages are kept for 30 days.", "Newsletter", "To write to you once a month."),
		},
	}}
}
