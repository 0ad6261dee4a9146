function __synod_is_at
    set -l at ''
    for next in (commandline -opc)[2..-1]
        set next (string trim "$at $next")
        contains -- $next NAMES || break
        set at $next
    end
    test "$at" = "$argv[1]"
end
complete -c synod -f
PLACES
