package v1alpha1

// IdentifierKind is what kind of identifier a column holds.
//
// +kubebuilder:validation:Enum=Email;Phone;AccountID;CustomerID;DeviceID;ConsentSubject;ConsentReceipt;Custom
type IdentifierKind string

// Values of IdentifierKind.
const (
	IdentifierEmail      IdentifierKind = "Email"
	IdentifierPhone      IdentifierKind = "Phone"
	IdentifierAccountID  IdentifierKind = "AccountID"
	IdentifierCustomerID IdentifierKind = "CustomerID"
	IdentifierDeviceID   IdentifierKind = "DeviceID"
	// IdentifierConsentSubject is the reference by which a ledger of consents names a person.
	IdentifierConsentSubject IdentifierKind = "ConsentSubject"
	// IdentifierConsentReceipt is the secret of a receipt, which the visitor's device keeps.
	IdentifierConsentReceipt IdentifierKind = "ConsentReceipt"
	IdentifierCustom         IdentifierKind = "Custom"
)

// Sensitivity is how sensitive a column is; Special means Article 9.
//
// +kubebuilder:validation:Enum=Normal;Sensitive;Special
type Sensitivity string

// Values of Sensitivity.
const (
	SensitivityNormal    Sensitivity = "Normal"
	SensitivitySensitive Sensitivity = "Sensitive"
	SensitivitySpecial   Sensitivity = "Special"
)

// TableErasure is what erasure does to the rows of a person in a table.
//
// +kubebuilder:validation:Enum=DeleteRows;MaskColumns;Detach;Keep
type TableErasure string

// Values of TableErasure.
const (
	EraseDeleteRows  TableErasure = "DeleteRows"
	EraseMaskColumns TableErasure = "MaskColumns"
	EraseDetach      TableErasure = "Detach"
	EraseKeep        TableErasure = "Keep"
)

// ColumnMask is what a masked column becomes: NULL, its default, a constant, or a pseudonym that no one can undo.
//
// +kubebuilder:validation:Enum=Null;Default;Constant;Pseudonym
type ColumnMask string

// Values of ColumnMask.
const (
	MaskNull      ColumnMask = "Null"
	MaskDefault   ColumnMask = "Default"
	MaskConstant  ColumnMask = "Constant"
	MaskPseudonym ColumnMask = "Pseudonym"
)

// ValueMask is what a masked value within a column of JSON becomes: JSON's null, nothing at all, a text, or a pseudonym that no
// one can undo.
//
// +kubebuilder:validation:Enum=Null;Remove;Constant;Pseudonym
type ValueMask string

// Values of ValueMask.
const (
	ValueNull      ValueMask = "Null"
	ValueRemove    ValueMask = "Remove"
	ValueConstant  ValueMask = "Constant"
	ValuePseudonym ValueMask = "Pseudonym"
)

// SubjectKey is a column by which a person is found. It may be an array: a row is then found by any element, and one that has other
// people's elements too loses the person's and stays otherwise.
type SubjectKey struct {
	// column that holds the identifier.
	// +required
	Column Identifier `json:"column,omitempty"`
	// path to the identifier within a column of JSON: names of members, places in arrays, and at most one * for each element of
	// an array, from the outermost to the innermost, such as [contact, email] or [members, "*", email]. The column itself
	// holds the identifier when absent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=100
	Path []string `json:"path,omitempty"`
	// identifier that the column holds.
	// +required
	Identifier IdentifierKind `json:"identifier,omitempty"`
}

// TableReference is a foreign key that the schema does not declare.
//
// +kubebuilder:validation:XValidation:rule="self.columns.size() == self.toColumns.size()",message="columns and toColumns must have the same number of entries"
type TableReference struct {
	// columns that refer.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	Columns []Identifier `json:"columns,omitempty"`
	// schema of the table that is referred to; the table's own when absent.
	// +optional
	Schema Identifier `json:"schema,omitempty"`
	// table that is referred to.
	// +required
	Table Identifier `json:"table,omitempty"`
	// toColumns that are referred to, in the same order.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	ToColumns []Identifier `json:"toColumns,omitempty"`
	// where says which rows have this reference, when others refer to another table by the same columns (a polymorphic
	// reference, such as commentable_type and commentable_id).
	// +optional
	Where *ReferenceCondition `json:"where,omitempty"`
}

// ReferenceCondition is what a row must hold to have a reference.
type ReferenceCondition struct {
	// column that names what the reference leads to.
	// +required
	Column Identifier `json:"column,omitempty"`
	// values of it, as text, with which the reference leads to the table.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=200
	Values []string `json:"values,omitempty"`
}

// DatasetValue is a value with personal data within a column of JSON. Constant is set exactly when mask is Constant, and a path
// has at most one step *: the operator's webhook refuses others, since a rule here would cost too much for so many columns.
type DatasetValue struct {
	// path to the value, as that of a subject key: names of members, places in arrays, and * for each element of an array.
	// Where it leads nowhere there is nothing to do.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=100
	Path []string `json:"path,omitempty"`
	// mask that erasure applies when the table is masked. Null, JSON's, when absent.
	// +optional
	Mask ValueMask `json:"mask,omitempty"`
	// constant is the text that replaces the value when mask is Constant.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Constant string `json:"constant,omitempty"`
}

// DatasetColumn is a column with personal data.
//
// +kubebuilder:validation:XValidation:rule="(has(self.mask) && self.mask == 'Constant') == has(self.constant)",message="constant is set exactly when mask is Constant"
// +kubebuilder:validation:XValidation:rule="!has(self.mask) || !has(self.within)",message="a column has a mask, or masks within, not both"
type DatasetColumn struct {
	// name of the column.
	// +required
	Name Identifier `json:"name,omitempty"`
	// category of data, as named in an activity.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Category string `json:"category,omitempty"`
	// sensitivity of the column.
	// +optional
	// +default="Normal"
	Sensitivity Sensitivity `json:"sensitivity,omitempty"`
	// mask that erasure applies when the table is masked. Null when absent.
	// +optional
	Mask ColumnMask `json:"mask,omitempty"`
	// constant that replaces the value when mask is Constant.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Constant string `json:"constant,omitempty"`
	// within are the values, in a column of JSON, that are masked by themselves: the rest of each document stays as it is.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Within []DatasetValue `json:"within,omitempty"`
}

// KeepRule is why rows are kept (Article 17(3)).
type KeepRule struct {
	// reason for people.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`
	// article of the Regulation, such as 17(3)(b).
	// +required
	// +kubebuilder:validation:Pattern=`^17\(3\)\([a-e]\)$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Article string `json:"article,omitempty"`
	// legalReference is the law that orders to keep.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	LegalReference string `json:"legalReference,omitempty"`
	// period of keeping.
	// +required
	Period Period `json:"period,omitempty"`
	// fromColumn is the date or timestamp column from which the period counts.
	// +required
	FromColumn Identifier `json:"fromColumn,omitempty"`
	// through is the reference to the row that has fromColumn, where this one has no date of its own: an invoice's line is kept
	// as long as its invoice.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	Through []Identifier `json:"through,omitempty"`
}

// OwnerReference is a foreign key by which a row belongs to a person, such as the sender of a message.
type OwnerReference struct {
	// columns of the foreign key, in the order of the schema.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	Columns []Identifier `json:"columns,omitempty"`
}

// DatasetTable is a table with personal data and what erasure does to it.
//
// +kubebuilder:validation:XValidation:rule="(self.onErasure == 'Keep') == has(self.keep)",message="keep is set exactly when onErasure is Keep"
// +kubebuilder:validation:XValidation:rule="(self.onErasure == 'Detach') == has(self.detach)",message="detach is set exactly when onErasure is Detach"
// +kubebuilder:validation:XValidation:rule="self.onErasure != 'MaskColumns' || has(self.columns)",message="onErasure MaskColumns needs columns"
type DatasetTable struct {
	// schema of the table.
	// +optional
	// +default="public"
	Schema Identifier `json:"schema,omitempty"`
	// name of the table.
	// +required
	Name Identifier `json:"name,omitempty"`
	// subjectKeys by which a person's rows are found. A column of JSON may have one for each path.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	SubjectKeys []SubjectKey `json:"subjectKeys,omitempty"`
	// references that the schema does not declare.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	References []TableReference `json:"references,omitempty"`
	// ownedThrough are the foreign keys by which rows belong to a person. When absent, each foreign key to a table of
	// the dataset counts, and rows that another person reaches too are kept and reported, never erased.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	OwnedThrough []OwnerReference `json:"ownedThrough,omitempty"`
	// columns with personal data.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=200
	Columns []DatasetColumn `json:"columns,omitempty"`
	// onErasure is what happens to a person's rows.
	// +required
	OnErasure TableErasure `json:"onErasure,omitempty"`
	// detach are the columns that are nulled when onErasure is Detach.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:MinLength=1
	Detach []Identifier `json:"detach,omitempty"`
	// keep is why rows are kept when onErasure is Keep.
	// +optional
	Keep *KeepRule `json:"keep,omitempty"`
}

// Dataset is the technical map of a store: where in it personal data are.
type Dataset struct {
	// tables with personal data.
	// +required
	// +listType=map
	// +listMapKey=schema
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Tables []DatasetTable `json:"tables,omitempty"`
}
