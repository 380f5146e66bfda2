package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/cointill/till/chain/xpub"
)

// initFlags are the answers as they are given on the command line.
type initFlags struct {
	name, currency           string
	bitcoin, network, script string
	peers                    []string
	servers                  serverAnswers
	evm                      string
	chains                   []string
	endpoints                []string
	accept                   []string
	public                   bool
	yes, force               bool
}

func initCommand(at *places) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Set up: which keys, which currency, and the addresses to compare with your wallet",
		Long: `Writes the configuration. On a terminal it asks for whatever was not given; with
--yes, or without a terminal, it asks nothing.

Keys are public account keys (xpub, zpub, …) or descriptors. Private keys are
refused, and neither shown nor stored. What stands on a command line can be read
by everybody on this machine while the command runs (ps), and stays in the
shell's history: that does no harm to a public key beyond showing all takings.
With "-" a key is read from standard input instead, one line each, Bitcoin first.

An EVM chain needs a node to ask: your own, a provider's, or with
--public-endpoints those that anybody may ask without a key. They belong to
others, who then see this machine's internet address, when the till is open, and
the addresses of open sales in the chain's own coin. They cannot touch money, but
they can be slow, or withhold news: two of three have to agree.`,
		Example: `  till init
  till init --currency EUR --bitcoin zpub… --yes
  till init --currency EUR --bitcoin - --yes < key.txt
  till init --currency USD --evm xpub… --chain 8453 --endpoint https://… --yes
  till init --currency USD --evm xpub… --chain 8453 --public-endpoints --yes`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runInit(cmd, at.fill(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.name, "name", "", "the shop's name")
	flags.StringVar(&f.currency, "currency", "", "its currency, such as EUR")
	flags.StringVar(&f.bitcoin, "bitcoin", "", "Bitcoin account `key` or descriptor; - reads it")
	flags.StringVar(&f.network, "network", "mainnet", "Bitcoin network: "+strings.Join(bitcoinNetworks, ", "))
	flags.StringVar(&f.script, "script", "", "kind of addresses of a plain xpub or tpub: wpkh, sh-wpkh, tr, pkh")
	flags.StringSliceVar(&f.peers, "peer", nil, "Bitcoin node to use, `host:port`; may be repeated")
	flags.StringVar(&f.servers.Core, "core", "", "your Bitcoin Core's RPC, `URL`, to watch through it")
	flags.StringVar(&f.servers.Cookie, "core-cookie", "", "`path` of its .cookie; user and password go into TILL_BITCOIN_CORE_USER and _PASSWORD, or into the file")
	flags.StringSliceVar(&f.servers.ZMQ, "core-zmq", nil, "its ZMQ publishers of rawtx and hashblock, `tcp://host:port`; may be repeated")
	flags.StringVar(&f.servers.Esplora, "esplora", "", "an Esplora or mempool.space server, `URL`, beside the light client")
	flags.StringSliceVar(&f.servers.Electrum, "electrum", nil, "an Electrum server to watch through, `ssl://host:port`; may be repeated")
	flags.BoolVar(&f.servers.Consent, "consent", false, "agree that those servers, where others run them, learn the addresses that are shown")
	flags.StringVar(&f.evm, "evm", "", "EVM account `key`, or addresses separated by commas; - reads it")
	flags.StringSliceVar(&f.chains, "chain", nil, "EVM chain by its `number`, 1 unless given; may be repeated")
	flags.StringSliceVar(&f.endpoints, "endpoint", nil, "EVM node, `URL`, or CHAIN=URL where there are several chains; may be repeated")
	flags.BoolVar(&f.public, "public-endpoints", false, "agree to ask public nodes too, run by others (see above)")
	flags.StringSliceVar(&f.accept, "accept", nil, "coins of the EVM chains, such as native,USDC")
	flags.BoolVar(&f.yes, "yes", false, "ask nothing; compare the addresses yourself")
	flags.BoolVar(&f.force, "force", false, "replace a configuration; the old one is kept beside it")
	return cmd
}

func runInit(cmd *cobra.Command, at places, f initFlags) error {
	_, err := os.Stat(at.config)
	exists := err == nil
	if exists && !f.force {
		return fmt.Errorf("there is a configuration already at %s; change it there and run `till doctor`, or begin anew with --force", at.config)
	}
	in := cmd.InOrStdin()
	a, err := f.answers(in)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	asking := !f.yes && onTerminal(in) && onTerminal(out)
	switch {
	case asking:
		if a, err = askSetUp(cmd.Context(), a); err != nil {
			return err
		}
	case a.currency == "":
		return usage("no currency was given; add --currency EUR")
	case a.bitcoin == nil && len(a.chains) == 0:
		return usage("no key was given; add --bitcoin KEY or --evm KEY, or run `till init` on a terminal")
	}
	text, err := a.config()
	if err != nil {
		return err
	}
	// What will be read must be what was meant: the text goes through the same
	// reader as any configuration.
	config, err := decodeConfig("till.toml", text)
	if err != nil {
		return err
	}
	if _, err := understand(config, at.config, text, at.data); err != nil {
		var bad *configError
		if errors.As(err, &bad) {
			return usage("%s", bad.text)
		}
		return err
	}
	if !asking {
		for _, p := range a.proofs() {
			fmt.Fprintf(out, "%s\n%s\n%s\n", p.title, p.compareTitle(), p.show(onTerminal(out)))
		}
		if !f.yes {
			return usage("nothing was written: compare the addresses above with your wallet, then run this again with --yes")
		}
	}
	if exists {
		if err := os.Rename(at.config, at.config+".old"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the old configuration cannot be put aside: %s", plainCause(err))
		}
	}
	if err := writePrivate(at.config, text); err != nil {
		return err
	}
	fmt.Fprintf(out, "Written to %s. \"till doctor\" checks everything, \"till\" opens the register.\n", at.config)
	return nil
}

// answers reads and checks what the flags say.
func (f initFlags) answers(in io.Reader) (answers, error) {
	a := answers{name: f.name, servers: f.servers, currency: f.currency, today: time.Now()}
	if !slices.Contains(bitcoinNetworks, f.network) {
		return a, usage("till knows no Bitcoin network %q; choose %s", clip(f.network), strings.Join(bitcoinNetworks, ", "))
	}
	lines := bufio.NewReader(io.LimitReader(in, 1<<16))
	for _, key := range []*string{&f.bitcoin, &f.evm} {
		if *key != "-" {
			continue
		}
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return a, errors.New("the key cannot be read from standard input")
		}
		*key = strings.TrimSpace(line)
		if *key == "" {
			return a, usage("standard input holds no key; pipe it in, one line each, Bitcoin first")
		}
	}
	if f.bitcoin != "" {
		key, err := readBitcoinKey(f.bitcoin, f.network, f.script)
		if err != nil {
			return a, refusedKey("--bitcoin", err)
		}
		a.bitcoin = &bitcoinAnswer{network: f.network, peers: f.peers, key: key}
	}
	if f.evm == "" {
		if len(f.chains)+len(f.endpoints) > 0 || f.public {
			return a, usage("--chain, --endpoint and --public-endpoints need a key too: add --evm KEY")
		}
		return a, nil
	}
	key, addresses, err := readEVMKey(f.evm)
	if err != nil {
		return a, refusedKey("--evm", err)
	}
	if len(f.chains) == 0 {
		f.chains = []string{"1"}
	}
	for _, text := range f.chains {
		id, err := strconv.ParseUint(text, 10, 63)
		if err != nil || id == 0 {
			return a, usage("--chain takes a chain's number: 1 is Ethereum, 8453 Base, 42161 Arbitrum")
		}
		c := chainAnswer{id: id, key: key, addresses: addresses, accept: f.accept}
		ch, _ := chainByID(id)
		if c.public = f.public && len(ch.public) > 0; f.public && !c.public {
			return a, usage("till knows no public endpoints of chain %d; add --endpoint URL", id)
		}
		if c.endpoints, err = endpointsFor(id, len(f.chains), f.endpoints, c.public); err != nil {
			return a, err
		}
		a.chains = append(a.chains, c)
	}
	return a, nil
}

// refusedKey says which key was refused and why, without any part of it.
func refusedKey(flag string, err error) error {
	if errors.Is(err, xpub.ErrPrivateKey) {
		// Loud, and not a matter of usage.
		return &exit{exitError, fmt.Errorf("REFUSED: %s: %w", flag, err)}
	}
	return usage("%s: %w", flag, err)
}

func endpointsFor(id uint64, chains int, given []string, public bool) ([]string, error) {
	var mine []string
	prefix := strconv.FormatUint(id, 10) + "="
	for _, text := range given {
		switch {
		case strings.HasPrefix(text, prefix):
			text = strings.TrimPrefix(text, prefix)
		case chains > 1:
			if n, _, ok := strings.Cut(text, "="); ok && strings.Trim(n, "0123456789") == "" {
				continue // another chain's
			}
			return nil, usage("with several chains every endpoint names its chain: --endpoint %d=URL", id)
		}
		if err := checkEndpoint(text); err != nil {
			return nil, usage("--endpoint: %w", err)
		}
		mine = append(mine, text)
	}
	if len(mine) == 0 && !public {
		return nil, usage("chain %d needs a node to ask; add --endpoint URL, or --public-endpoints (see till init --help)", id)
	}
	return mine, nil
}

// onTerminal tells whether a person is at the other end.
func onTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}
