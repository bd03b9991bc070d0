# SPDX-License-Identifier: MIT
# Completion for fish: installed as share/fish/vendor_completions.d/diaglab.fish.
# All words come from the program itself: from its --help, and its list of steps.

# "--step N<TAB>what it does" for each option that --help of the program, perhaps
# with a verb, has.
function __diaglab_options
    $argv --help 2>/dev/null |
        sed -nE 's/^  (--[a-z][a-z0-9-]*( [A-Z][^ ]*)?)( +(.*))?$/\1\t\4/p'
end

# The steps, with END behind each number: those of the folders that were named
# with --scenarios, if any.
function __diaglab_steps -a program ending
    set -l folders
    set -l typed (commandline -opc)
    for i in (seq (count $typed))
        if test "$typed[$i]" = --scenarios; and set -q typed[(math $i + 1)]
            set -a folders --scenarios $typed[(math $i + 1)]
        end
    end
    $program $folders --list 2>/dev/null |
        string replace -rf '^[> ] step (\d+): (.*)' "\$1$ending\t\$2"
end

function __diaglab_classes -a program
    $program classes 2>/dev/null | string replace -rf '^([a-z]+\.[a-z_]+) +' '$1\t'
end

# What may stand where --help says KIND, of OPTION.
function __diaglab_values -a program option kind word
    switch $kind
        case DIR
            __fish_complete_directories $word
        case FILE
            __fish_complete_path $word
        case CLASS
            $program new --list 2>/dev/null | string replace -r ' +' '\t'
        case N
            test $option = --step; and __diaglab_steps $program ''
        case 'N.KEY=VALUE'
            __diaglab_steps $program .
    end
end

function __diaglab_complete
    set -l typed (commandline -opc)
    set -l word (commandline -ct)
    set -l program $typed[1]
    set -l verbs ($program --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z]*\)  */\1\t/p')
    set -l verb
    if set -q typed[2]; and contains -- $typed[2] (string replace -r '\t.*' '' $verbs)
        set verb $typed[2]
    end
    set -l options (__diaglab_options $program $verb)
    # --step 4, or --step=4
    set -l before $typed[-1]
    set -l joined ''
    if string match -rq '^--[a-z0-9-]+=' -- $word
        set joined (string replace -r '=.*' '=' -- $word)
        set before (string trim -r -c = -- $joined)
        set word (string replace -r '^[^=]*=' '' -- $word)
    end
    set -l kind (string replace -rf -- "^$before (\S+)\t.*" '$1' $options)
    if test -n "$kind"
        __diaglab_values $program $before $kind "$word" | while read -l line
            echo $joined$line
        end
        return
    end
    if string match -q -- '-*' $word
        string replace -r '^(\S+) [^\t]*' '$1' -- $options
        return
    end
    switch "$verb"
        case ''
            set -q typed[2]; or printf '%s\n' $verbs
        case answer
            __diaglab_classes $program | string replace -r '^' 'class='
            printf '%s\n' where= evidence= number= ruled_out=
            __fish_complete_path $word
        case classes
            __diaglab_classes $program
        case repair
            set -q typed[3]; or __diaglab_steps $program ''
            __fish_complete_directories $word
        case check test
            __fish_complete_directories $word
    end
end

complete -c diaglab -f -a '(__diaglab_complete)'
