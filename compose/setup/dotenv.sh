# Sourced: adds keys to .env. Never changes existing keys; only the owner can read the file.
env_has() { [ -f .env ] && grep -qE "^[[:space:]]*(export[[:space:]]+)?$1=" .env; }

env_get() {
    [ -f .env ] || return 0
    sed -nE "s/^[[:space:]]*(export[[:space:]]+)?$1=[\"']?([^\"']*)[\"']?[[:space:]]*\$/\2/p" .env | tail -n 1
}

# env_add KEY VALUE   adds the key unless it exists.
env_add() {
    env_has "$1" && return 0
    if [ ! -f .env ]; then
        (umask 077 && echo '# Created by `make up`: secrets and settings of this machine. Existing lines are never changed.' >.env)
    fi
    # The last line may lack its newline.
    [ -z "$(tail -c 1 .env)" ] || echo >>.env
    printf '%s=%s\n' "$1" "$2" >>.env
}
