#!/usr/bin/env bash
# Adds missing secrets and settings of this machine to .env.
. "$(dirname "$0")/step.sh"
. compose/setup/dotenv.sh

SECRETS=(POSTGRES_PASSWORD DATABASE_PASSWORD REDIS_PASSWORD REDIS_ADMIN_PASSWORD JWT_ACCESS_SECRET JWT_REFRESH_SECRET TESTER_KEY)
KEYS=("${SECRETS[@]}" HTTP_PORT BACKEND_REPLICAS)

# 32 random bytes in hexadecimal, which need no quoting in a URL.
random_secret() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

# The build needs the host's certificates; docker-compose.yml defaults to Debian's path.
certificates() {
    local file
    for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        [ -s "$file" ] && echo "$file" && return
    done
    echo /dev/null
}

write_env() {
    local key
    for key in "${SECRETS[@]}"; do
        env_add "$key" "$(random_secret)"
    done
    env_add HTTP_PORT "${HTTP_PORT:-80}"
    env_add BACKEND_REPLICAS "${BACKEND_REPLICAS:-2}"
    [ "$(certificates)" = /etc/ssl/certs/ca-certificates.crt ] || env_add CA_BUNDLE "$(certificates)"
    chmod 600 .env
}

complete() {
    local key
    for key in "${KEYS[@]}"; do
        env_has "$key" || return 1
    done
    [ -z "$(find .env -perm /077)" ]
}

if complete; then
    skipped secrets ".env" "has every key"
else
    step secrets "adding missing keys to .env" write_env
fi
