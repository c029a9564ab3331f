# Builds kap-fhir and packs the one binary. Needs about 6 GB of memory to build (the FHIR model is large).
FROM rust:1.95-bookworm AS build
WORKDIR /src
# Dependencies in their own layer.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
 && sed -i '/^\[\[test\]\]/,/^$/d; /^\[\[bench\]\]/,/^$/d' Cargo.toml \
 && cargo build --locked --release --config profile.release.lto='"thin"' && rm -r src
COPY . .
RUN touch src/lib.rs src/main.rs && cargo build --locked --release --config profile.release.lto='"thin"' \
 && mkdir -p /out/data && cp target/release/kap-fhir /out/

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/kap-fhir /usr/local/bin/kap-fhir
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
VOLUME /data
# Two files of keys are mounted, owned by user 65532 and readable by it alone (mode 400), never in the image or in /data:
# -e KAP_AUDIT_KEY=/run/secrets/audit.pem seals the audit, -e KAP_PRIVATE_KEYS=/run/secrets/private-keys.json the notes.
# What is told where no consent speaks has no default: -e KAP_DISCLOSURE=consent-required, or federal-baseline (see README).
ENV KAP_LISTEN=0.0.0.0:8080 DATABASE_URL=sqlite:/data/kap.db
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/kap-fhir", "health"]
ENTRYPOINT ["/usr/local/bin/kap-fhir"]
CMD ["serve"]
