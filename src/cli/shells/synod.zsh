#compdef synod
_synod() {
    local at= next
    integer n=1
    for next in "${(@)words[2,CURRENT-1]}"; do
        next=${at:+$at }$next
        case $next in (NAMES) at=$next; n+=1 ;; (*) break ;; esac
    done
    words=("${(@)words[n,-1]}"); CURRENT=$((CURRENT - n + 1))
    case $at in
        PLACES
    esac
}
if [ "$funcstack[1]" = _synod ]; then _synod "$@"; else compdef _synod synod; fi
