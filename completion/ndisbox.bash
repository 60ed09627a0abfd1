# Generated from the verb table by: ndisbox docs --write. Do not edit.
# bash completion of ndisbox: source it, or copy it to /usr/share/bash-completion/completions/ndisbox
# shellcheck disable=SC2207
_ndisbox() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' words='' files='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -* ]] || { verb=${COMP_WORDS[i]}; break; }
    done
    case $verb:$before in
    *:--color) words="auto always never" ;;
    run:--set) return ;;
    run:--driver) return ;;
    run:--adapter) return ;;
    run:--for) return ;;
    run:--trace) files=yes ;;
    run:--edge) return ;;
    run:--verify) words="off on strict" ;;
    run:--faults) return ;;
    run:--report) return ;;
    run:--suppress) return ;;
    demo:--set) return ;;
    demo:--trace) files=yes ;;
    demo:--edge) return ;;
    demo:--verify) words="off on strict" ;;
    ddi:--status) words="full partial refuse absent" ;;
    trace:--as) words="text json timeline" ;;
    trace:--edge) return ;;
    trace:--limit) return ;;
    sim:--seeds) return ;;
    sim:--set) return ;;
    sim:--driver) return ;;
    sim:--adapter) return ;;
    sim:--stop-after) return ;;
    sim:--tape-dir) files=yes ;;
    sim:--verify) words="off on strict" ;;
    sim:--report) return ;;
    sim:--suppress) return ;;
    sim:--faults) return ;;
    replay:--trace) files=yes ;;
    replay:--edge) return ;;
    bench:--for) return ;;
    check:--property) return ;;
    check:--define) return ;;
    check:--include) return ;;
    check:--subst) return ;;
    check:--subst-file) files=yes ;;
    build:--output) files=yes ;;
    build:--property) return ;;
    build:--define) return ;;
    build:--include) return ;;
    build:--subst) return ;;
    build:--subst-file) files=yes ;;
    build:--sanitize) return ;;
    inf:--arch) words="amd64 arm64 x86 arm" ;;
    inf:--subst) return ;;
    inf:--model) return ;;
    esac
    [[ $words$files ]] || case $verb:$word in
    :-*) words="--help --version --quiet --verbose --color" ;;
    :*) words="help run demo ddi trace sim replay bench check build inf rules" ;;
    run:-*) words="--help --version --quiet --verbose --color --set --driver --adapter --check --print-stack --for --trace --edge --timeline --verify --faults --json --report --suppress" ;;
    run:*) files=yes ;;
    demo:-*) words="--help --version --quiet --verbose --color --check --print-stack --set --trace --edge --verify --json" ;;
    ddi:-*) words="--help --version --quiet --verbose --color --coverage --status --json" ;;
    ddi:?*) words=$(ndisbox ddi "$word*" 2>/dev/null | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\) .*/\1/p') ;;
    trace:-*) words="--help --version --quiet --verbose --color --as --edge --limit" ;;
    trace:*) files=yes ;;
    sim:-*) words="--help --version --quiet --verbose --color --seeds --set --driver --adapter --stop-after --tape-dir --verify --report --suppress --faults --json" ;;
    sim:*) files=yes ;;
    replay:-*) words="--help --version --quiet --verbose --color --force --gdb --trace --edge" ;;
    replay:*) files=yes ;;
    bench:-*) words="--help --version --quiet --verbose --color --for --json" ;;
    bench:*) words="nbl-forward nbl-verified sim sim-lifecycle sim-minute bridge tcp-rx tcp-tx tcp-conns offload offload-rate ndk-lat ndk-rate ndk-bw ndk-memory" ;;
    check:-*) words="--help --version --quiet --verbose --color --property --define --include --subst --subst-file --json" ;;
    check:*) files=yes ;;
    build:-*) words="--help --version --quiet --verbose --color --output --property --define --include --subst --subst-file --sanitize --coverage --fresh" ;;
    build:*) files=yes ;;
    inf:-*) words="--help --version --quiet --verbose --color --arch --subst --model --json" ;;
    inf:*) files=yes ;;
    rules:-*) words="--help --version --quiet --verbose --color --json" ;;
    rules:*) files=yes ;;
    esac
    local IFS=$'\n'
    if [[ $files ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$word"))
    else
        COMPREPLY=($(IFS=$' \n'; compgen -W "$words" -- "$word"))
    fi
}
complete -F _ndisbox ndisbox
