package main

import (
	"bytes"
	"errors"
	"strings"

	"github.com/tdewolff/minify/v2"
	minjs "github.com/tdewolff/minify/v2/js"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"
)

// declarations takes code apart: its start, the declarations that can stand anywhere, and the rest with what is evaluated. It
// fails where the parts do not make up the code.
func declarations(code []byte) (start string, free []string, rest string, err error) {
	ast, err := js.Parse(parse.NewInputBytes(bytes.Clone(code)), js.Options{})
	if err != nil {
		return "", nil, "", err
	}
	list, err := firstVariables(ast)
	if err != nil {
		return "", nil, "", err
	}
	var all, bound []string
	for _, one := range list {
		text, err := declaration(one)
		if err != nil {
			return "", nil, "", err
		}
		all = append(all, text)
		switch one.Default.(type) {
		case *js.ArrowFunc, *js.LiteralExpr:
			free = append(free, text)
		default:
			bound = append(bound, text)
		}
	}
	before, after, found := strings.Cut(string(code), strings.Join(all, ","))
	before = strings.TrimRight(before, " ")
	if !found || !strings.HasSuffix(before, "{var") || len(free) == 0 || len(bound) == 0 {
		return "", nil, "", errors.New("ordering: the declarations are not those of the code")
	}
	return before + " ", free, "," + strings.Join(bound, ",") + after, nil
}

// firstVariables are those of the declaration that the function starts with.
func firstVariables(ast *js.AST) ([]js.BindingElement, error) {
	if len(ast.List) == 1 {
		if statement, ok := ast.List[0].(*js.ExprStmt); ok {
			if function, ok := statement.Value.(*js.ArrowFunc); ok && len(function.Body.List) > 0 {
				if variables, ok := function.Body.List[0].(*js.VarDecl); ok {
					return variables.List, nil
				}
			}
		}
	}
	return nil, errors.New("ordering: no function that starts with its variables")
}

// declaration is the minified text of one variable and its value.
func declaration(one js.BindingElement) (string, error) {
	var loose, text bytes.Buffer
	loose.WriteString("var ")
	one.JS(&loose)
	if err := (&minjs.Minifier{Version: 2022, KeepVarNames: true}).Minify(minify.New(), &text, &loose, nil); err != nil {
		return "", err
	}
	return strings.TrimLeft(strings.TrimPrefix(text.String(), "var"), " "), nil // a pattern has no space before it
}
