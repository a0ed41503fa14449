FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
ARG TARGETOS TARGETARCH VERSION=docker
# The workspace is for development; sdk/ is not part of the image.
ENV GOWORK=off
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/linktor ./cmd/linktor
# The data folder exists in the image so that a fresh volume gets its owner and
# mode. It lies in another one since COPY keeps the modes only of what is inside.
RUN mkdir -p /out/lib && mkdir -m 0700 /out/lib/linktor

# Static binary, certificates, time zones, an unprivileged user; no shell.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/linktor /usr/local/bin/linktor
COPY --from=build --chown=nonroot:nonroot /out/lib /var/lib
WORKDIR /var/lib/linktor
ENV LINKTOR_LISTEN=0.0.0.0:8080 LINKTOR_DATA_DIR=/var/lib/linktor LINKTOR_LOG_FORMAT=json
VOLUME /var/lib/linktor
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s CMD ["linktor", "doctor", "--quick"]
ENTRYPOINT ["linktor"]
CMD ["serve"]
