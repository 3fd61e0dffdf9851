# Everything a developer does. `make` alone lists the targets. Programs that the targets need are built once from pinned
# modules and cached under $REMPART_CACHE (default ~/.cache/rempart), outside the checkout.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= 0.1.0
IMG ?= docker.io/rempart/operator:dev
ERASER_IMG ?= docker.io/rempart/eraser:dev
CONSENTD_IMG ?= docker.io/rempart/consentd:dev

# Folders of cached programs; asking builds what is missing.
kustomize = $$(hack/kube/build.sh kustomize)/kustomize
assets = $$(hack/kube/build.sh envtest)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

## -- the two that a newcomer needs ------------------------------------------------------------------------------------

.PHONY: demo
demo: ## The main job on a real cluster with real data, told step by step
	@hack/demo/demo.sh

.PHONY: test
test: ## All tests: unit, golden plays, API, integration, browser, end to end
	@hack/test.sh

## -- tests, each alone ------------------------------------------------------------------------------------------------

.PHONY: test-unit
test-unit: ## Pure code, reconcilers, adapters against real servers
	@hack/test.sh unit

.PHONY: test-api
test-api: ## Samples, CEL rules, defaults on a real API server
	@hack/test.sh api

.PHONY: test-integration
test-integration: ## Controllers on a real API server
	@hack/test.sh integration

.PHONY: test-browser
test-browser: ## The consent widget in a real browser
	@hack/test.sh browser

.PHONY: test-e2e
test-e2e: ## User stories on the real cluster
	@hack/test.sh e2e

.PHONY: bench
bench: ## Erasure against hand-written SQL, admission against none, the ledger of consent against pgbench; `make bench part=consent` for one
	@KUBEBUILDER_ASSETS=$(assets) go run ./test/perf $(part)

.PHONY: chaos
chaos: ## Whatever is killed at random on a real cluster, then what must hold; `make chaos for=10m seed=7`, an hour by itself
	@hack/chaos.sh $(or $(for),1h) $(or $(seed),1)

.PHONY: verify
verify: ## Generated files, lint, walls, samples, PROJECT, bundle, links
	@hack/verify-all.sh

## -- code -------------------------------------------------------------------------------------------------------------

.PHONY: generate
generate: manifests

.PHONY: manifests
manifests: ## Deep copies, apply configurations, CRDs, roles
	@hack/generate.sh

.PHONY: bundle
bundle: ## OLM bundle from config
	@VERSION=$(VERSION) hack/bundle.sh

.PHONY: fmt
fmt: ## Format the code
	@gofmt -w $$(git ls-files '*.go')

.PHONY: lint
lint: ## golangci-lint and kube-api-linter
	@hack/verify-lint.sh

.PHONY: build
build: ## Programs into bin/
	@CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

.PHONY: images
images: ## Images from scratch, into the cluster of `make cluster`
	@hack/kube/images.sh operator eraser consentd

.PHONY: build-installer
build-installer: ## dist/install.yaml
	@mkdir -p dist; $(kustomize) build config/default \
		| sed "s|docker.io/rempart/operator:dev|$(IMG)|; s|docker.io/rempart/eraser:dev|$(ERASER_IMG)|; s|docker.io/rempart/consentd:dev|$(CONSENTD_IMG)|" > dist/install.yaml; echo "wrote dist/install.yaml"

## -- cluster ----------------------------------------------------------------------------------------------------------

.PHONY: cluster
cluster: ## A real Kubernetes on this machine (Debian, root), or REMPART_USE_KUBECONFIG=1
	@hack/kube/up.sh

.PHONY: cluster-down
cluster-down: ## Remove the cluster and all that it made
	@hack/kube/down.sh

.PHONY: install
install: ## The kinds alone, into the current cluster
	@assets=$(assets); $(kustomize) build config/crd | $$assets/kubectl apply --server-side -f -

.PHONY: deploy
deploy: build-installer ## The operator, into the current cluster
	@assets=$(assets); $$assets/kubectl apply --server-side --force-conflicts -f dist/install.yaml

.PHONY: undeploy
undeploy: ## Remove the operator; its namespace, the kinds and all objects of them stay
	@assets=$(assets); $(kustomize) build config/default \
		| awk 'BEGIN { RS = "\n---\n" } !/(^|\n)kind: (CustomResourceDefinition|Namespace)\n/ { print $$0 "\n---" }' \
		| $$assets/kubectl delete --ignore-not-found -f -

.PHONY: uninstall
uninstall: ## Remove the kinds; refuses while there is an object of one
	@assets=$(assets); left=$$($$assets/kubectl get gdpr --all-namespaces --output=name); \
	if [[ -n $$left ]]; then echo "these would go with their kinds; see docs/how-to/install.md" >&2; echo "$$left" >&2; exit 1; fi; \
	$(kustomize) build config/crd | $$assets/kubectl delete --ignore-not-found -f -
