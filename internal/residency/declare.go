package residency

import (
	"slices"

	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// declare fills what is unknown of a class, or of a volume of a class, with what the policy declares of the class: as
// long as the class has the declared provisioner, and through the day of review. What is known against it wins. A class
// that is not the one whose digest was declared is Unknown.
func (r *Rules) declare(found evidence, class ClassVerdict) evidence {
	declaration, is := r.declarations[class.Name]
	if !is || declaration.Provisioner != class.Provisioner || (declaration.ReviewOn != "" && declaration.ReviewOn < r.on) {
		return found
	}
	if declaration.Digest != "" && declaration.Digest != class.Digest {
		found.gap, found.detail = ReasonDigestMismatch, class.Digest
		return found
	}
	if found.apart {
		return found
	}
	place := r.placeOfDeclaration(declaration)
	for _, known := range found.places {
		if known.Reason == ReasonConflicting {
			return found
		}
		if known.Known() && known.Country != place.Country {
			found.gap, found.detail = ReasonConflicting, string(known.Country)+" against the declared "+orElse(string(place.Country), place.Code())
			return found
		}
	}
	if len(found.places) > 0 && found.gap == "" && !slices.ContainsFunc(found.places, func(p Place) bool { return !p.Known() }) && !found.open {
		return found // proven: nothing to fill
	}
	return evidence{places: []Place{place}}
}

// placeOfDeclaration is a declared country, or a declared region, which must be in the table or in spec.locations.
func (r *Rules) placeOfDeclaration(declaration v1alpha1.StorageDeclaration) Place {
	if declaration.Country != "" {
		return r.LocateCountry(declaration.Country)
	}
	location := ptr.Deref(declaration.Location, v1alpha1.ProviderRegion{})
	place := r.locate(location.Provider, location.Region, "")
	if place.Known() {
		place.Reason = ReasonDeclared
	}
	return place
}
