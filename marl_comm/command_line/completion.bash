_marl_comm() {
    local line=${COMP_LINE:0:COMP_POINT}
    local word=${line##*[[:blank:]]} kept='' breaks=${COMP_WORDBREAKS//[^=:@]/}
    local command=${COMP_WORDS[1]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local -a overrides=()
    local IFS=$' \t\n'
    COMPREPLY=()
    # To bash a word may start anew after = or : and only that part of it is replaced.
    if [[ -n $breaks && $word == *[$breaks]* ]]; then
        kept=${word%"${word##*[$breaks]}"}
    fi
    if ((COMP_CWORD == 1)); then
        _marl_comm_offer $_marl_comm_commands --help --version
    elif [[ -n ${_marl_comm_values["$command $previous"]+known} ]]; then
        _marl_comm_offer ${_marl_comm_values["$command $previous"]}
    elif [[ $word == -* ]]; then
        _marl_comm_offer ${_marl_comm_options["$command"]}
    elif [[ $command == run ]]; then
        mapfile -t overrides < <("${1/#\~/$HOME}" completion overrides "$line" 2>/dev/null)
        _marl_comm_offer "${overrides[@]}"
        # Without an answer bash completes files: of use in values only.
        [[ $word == *=* ]] || compopt +o default
    else
        _marl_comm_offer ${_marl_comm_words["$command"]}
        compopt -o plusdirs
    fi
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=./] ]]; then
        compopt -o nospace
    fi
}

_marl_comm_offer() {
    local answer
    for answer in "$@"; do
        if [[ $answer == "$word"* ]]; then
            COMPREPLY+=("${answer#"$kept"}")
        fi
    done
}

complete -o default -F _marl_comm marl-comm
