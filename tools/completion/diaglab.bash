# SPDX-License-Identifier: MIT
# Completion for bash: installed as share/bash-completion/completions/diaglab.
# All words come from the program itself: from its --help, and its list of steps.

# What `program --help` says of its options: "--step N" for each, or "--list".
_diaglab_options() {
  "$@" --help 2>/dev/null |
    sed -nE 's/^  (--[a-z][a-z0-9-]*)( [A-Z][^ ]*)?( .*)?$/\1\2/p'
}

# What may stand where --help says KIND, of the option OPTION.
_diaglab_values() {
  local program=$1 option=$2 kind=$3 word=$4 words=''
  case $kind in
  DIR) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
  FILE) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
  CLASS) words=$("$program" new --list 2>/dev/null | cut -d' ' -f1) ;;
  N) [[ $option == --step ]] && words=$(_diaglab_steps "$program" '') ;;
  N.KEY=VALUE) words=$(_diaglab_steps "$program" .); compopt -o nospace 2>/dev/null ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

# The numbers of the steps, each with END behind it: those of the folders that
# were named with --scenarios, if any.
_diaglab_steps() {
  local program=$1 end=$2 folders=() i
  for ((i = 1; i < COMP_CWORD - 1; i++)); do
    [[ ${COMP_WORDS[i]} == --scenarios ]] && folders+=(--scenarios "${COMP_WORDS[i + 1]}")
  done
  "$program" "${folders[@]}" --list 2>/dev/null | sed -n "s/^[> ] step \([0-9]*\):.*/\1$end/p"
}

_diaglab() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} verb='' kind='' before verbs
  [[ $word == = ]] && word='' # bash takes --step=4 for three words
  before=${COMP_WORDS[COMP_CWORD - 1]}
  [[ $before == = && $COMP_CWORD -gt 2 ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
  verbs=$("$program" --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p')
  [[ $COMP_CWORD -gt 1 && " $verbs " == *[[:space:]]"${COMP_WORDS[1]}"[[:space:]]* ]] &&
    verb=${COMP_WORDS[1]}
  [[ $before == --* ]] &&
    kind=$(_diaglab_options "$program" ${verb:+"$verb"} | sed -n "s/^$before //p")
  if [[ $kind ]]; then
    _diaglab_values "$program" "$before" "$kind" "$word"
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_diaglab_options "$program" ${verb:+"$verb"} | cut -d' ' -f1)" -- "$word")
  elif [[ $verb == answer && $before == class || $verb == classes ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" classes 2>/dev/null | sed -n 's/^\([a-z]*[.][a-z_]*\) .*/\1/p')" -- "$word")
  elif [[ $COMP_CWORD -eq 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
  elif [[ $verb == repair && $COMP_CWORD -eq 2 ]]; then
    _diaglab_values "$program" --step N "$word"
  elif [[ $verb ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _diaglab diaglab
