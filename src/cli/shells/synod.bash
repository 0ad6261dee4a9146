_synod() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local at= next words flags files=
    for next in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        next=${at:+$at }$next
        case $next in NAMES) at=$next ;; *) break ;; esac
    done
    COMPREPLY=()
    case $at:$prev in
        VALUES
    esac
    case $at in
        PLACES
    esac
    [[ $cur == -* ]] && words=$flags files=
    [[ $files ]] && compopt -o default
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _synod synod
