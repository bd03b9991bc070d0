# SPDX-License-Identifier: MIT
# Completion for bash: installed as share/bash-completion/completions/diaglab.
# The words come from the program's own --help.
_diaglab() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} verb='' verbs flags
  verbs=$("$program" --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p')
  [[ $COMP_CWORD -gt 1 && " $verbs " == *[[:space:]]"${COMP_WORDS[1]}"[[:space:]]* ]] &&
    verb=${COMP_WORDS[1]}
  if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --class ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" new --list 2>/dev/null | cut -d' ' -f1)" -- "$word")
  elif [[ $word == -* ]]; then
    flags=$("$program" ${verb:+"$verb"} --help 2>/dev/null | grep -o -- '^  --[a-z][a-z0-9-]*' | tr -d ' ')
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
  elif [[ $COMP_CWORD -eq 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _diaglab diaglab
