# Sourced: adds keys to .env. What is there is never changed; the file is readable by its owner alone.
env_has() { [ -f .env ] && grep -qE "^[[:space:]]*(export[[:space:]]+)?$1=" .env; }

env_get() {
    [ -f .env ] || return 0
    sed -nE "s/^[[:space:]]*(export[[:space:]]+)?$1=[\"']?([^\"']*)[\"']?[[:space:]]*\$/\2/p" .env | tail -n 1
}

# env_add KEY VALUE   unless the key is there already.
env_add() {
    env_has "$1" && return 0
    if [ ! -f .env ]; then
        (umask 077 && echo '# Made by `make up`: secrets and choices of this machine. Existing lines are never changed.' >.env)
    fi
    # An editor may have left the last line without its end.
    [ -z "$(tail -c 1 .env)" ] || echo >>.env
    printf '%s=%s\n' "$1" "$2" >>.env
}
