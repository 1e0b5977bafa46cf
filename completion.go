package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown below the usage.
func (completionCommand) Help() string {
	return `Examples:
  source <(gannet completion bash)
  gannet completion zsh > "${fpath[1]}/_gannet"
  gannet completion fish > ~/.config/fish/completions/gannet.fish`
}

// Run prints the script.
func (c *completionCommand) Run(std *streams, app *kong.Kong) error {
	var b strings.Builder
	switch c.Shell {
	case "bash":
		bashCompletion(&b, app)
	case "zsh":
		b.WriteString("#compdef gannet\nautoload -U +X bashcompinit && bashcompinit\n")
		bashCompletion(&b, app)
	case "fish":
		fishCompletion(&b, app)
	}
	_, err := fmt.Fprint(std.out, b.String())
	return err
}

// bashCompletion completes commands, then the flags of the command, then
// files.
func bashCompletion(b *strings.Builder, app *kong.Kong) {
	var names []string
	for _, n := range app.Model.Children {
		names = append(names, n.Name)
	}
	fmt.Fprintf(b, `_gannet() {
  local cur="${COMP_WORDS[COMP_CWORD]}" flags=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "%s" -- "$cur"))
    return
  fi
  case "${COMP_WORDS[1]}" in
`, strings.Join(names, " "))
	for _, n := range app.Model.Children {
		fmt.Fprintf(b, "    %s) flags=\"%s\" ;;\n", n.Name, strings.Join(flagNames(n), " "))
	}
	b.WriteString(`  esac
  case "$cur" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -F _gannet gannet
`)
}

func flagNames(n *kong.Node) (names []string) {
	for _, p := range n.Positional {
		if p.Enum != "" {
			names = append(names, strings.Split(p.Enum, ",")...)
		}
	}
	for _, f := range n.Flags {
		names = append(names, "--"+f.Name)
	}
	return append(names, "--help")
}

func fishCompletion(b *strings.Builder, app *kong.Kong) {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }
	for _, n := range app.Model.Children {
		fmt.Fprintf(b, "complete -c gannet -f -n __fish_use_subcommand -a %s -d %s\n", n.Name, quote(n.Help))
		for _, p := range n.Positional {
			if p.Enum != "" {
				fmt.Fprintf(b, "complete -c gannet -f -n '__fish_seen_subcommand_from %s' -a %s\n", n.Name, quote(strings.ReplaceAll(p.Enum, ",", " ")))
			}
		}
		for _, f := range n.Flags {
			fmt.Fprintf(b, "complete -c gannet -n '__fish_seen_subcommand_from %s' -l %s -d %s\n", n.Name, f.Name, quote(f.Help))
		}
	}
}
