# For those who have Docker; `make images` builds the same images without it.
#
#   docker build --build-arg PROGRAM=operator --tag rempart/operator .
FROM golang:1.26 AS build
ARG PROGRAM=operator
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o /program "./cmd/${PROGRAM}"

# Empty but for the program: it brings its own certificate authorities and time zones.
FROM scratch
COPY --from=build --chmod=0555 /program /program
USER 65532:65532
ENTRYPOINT ["/program"]
