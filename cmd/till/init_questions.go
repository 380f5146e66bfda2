package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"charm.land/huh/v2"

	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos/money"
)

// question is one screen of the set-up form.
type question struct {
	name  string
	skip  func(*setUp) bool      // nil = always asked
	above func(*setUp) string    // shown over the field
	field func(*setUp) huh.Field // holds what is in typed
	apply func(*setUp) error     // a sentence asks again
	yesNo bool                   // only y and n answer it
}

var questions []question

func init() {
	questions = []question{
		{name: "currency", field: askCurrency, apply: takeCurrency},
		{name: "name", field: askName, apply: takeName},
		{name: "take", field: askTake, apply: takeTake},
		{name: "network", skip: noBitcoin, field: askNetwork, apply: takeNetwork},
		{name: "peer", skip: noBitcoin, field: askPeer, apply: takePeer},
		{name: "bitcoin", skip: hasBitcoin, field: askBitcoin, apply: takeBitcoin},
		{name: "script", skip: func(w *setUp) bool { return w.typed.ambiguous == "" }, field: askScript, apply: takeScript},
		{
			name: "compare bitcoin", skip: noBitcoin, yesNo: true, field: askSame, apply: compareBitcoin,
			above: func(w *setUp) string { return addressList(w.answers.proofs()[0], w.cols) },
		},
		{name: "evm", skip: hasEVM, field: askEVM, apply: takeEVM},
		{
			name: "compare evm", skip: noEVM, yesNo: true, field: askSame, apply: compareEVM,
			above: func(w *setUp) string { all := w.answers.proofs(); return addressList(all[len(all)-1], w.cols) },
		},
	}
	for _, c := range evmChains {
		questions = append(questions, endpointQuestion(c))
	}
	questions = append(questions, question{name: "write", yesNo: true, field: askWrite, apply: takeWrite})
}

func askCurrency(w *setUp) huh.Field {
	return huh.NewInput().Title("In which currency are your prices?").
		Description("Its three letters, such as EUR. Customers pay in coins, worth this at the moment of the sale.").
		CharLimit(3).Value(&w.typed.currency)
}

func takeCurrency(w *setUp) error {
	if strings.TrimSpace(w.typed.currency) == "" {
		return errors.New("type the currency's three letters, such as EUR, USD or CHF")
	}
	c, err := money.Lookup(strings.TrimSpace(w.typed.currency))
	if err != nil {
		return errors.New("that is no currency in use; take its three letters, such as EUR, USD or CHF")
	}
	w.typed.currency, w.answers.currency = string(c), string(c)
	return nil
}

func askName(w *setUp) huh.Field {
	return huh.NewInput().Title("What is the shop called?").
		Description("It stands at the top of the screen. It may stay empty.").
		CharLimit(40).Value(&w.typed.name)
}

func takeName(w *setUp) error {
	// Of a key that was pasted here only the beginning has room.
	if name := strings.TrimSpace(w.typed.name); len(name) > 20 && strings.ToLower(name[1:4]) == "prv" {
		w.typed.name = ""
		return xpub.ErrPrivateKey
	}
	w.answers.name = clean(w.typed.name, 40)
	return nil
}

func askTake(w *setUp) huh.Field {
	options := []huh.Option[string]{huh.NewOption("Bitcoin", "bitcoin")}
	for _, c := range evmChains {
		label := c.name + ": " + strings.Join(append([]string{c.symbol}, c.usual()[1:]...), ", ")
		if c.test {
			label += " (a test network, worthless)"
		}
		options = append(options, huh.NewOption(label, fmt.Sprint(c.id)))
	}
	for i, o := range options {
		options[i] = o.Selected(takes(w, o.Value))
	}
	return huh.NewMultiSelect[string]().Title("What do you accept?").
		Description("space chooses, enter goes on. More coins of a chain can be added in the file later.").
		Options(options...).Height(len(options) + 3).Value(&w.typed.take)
}

func takeTake(w *setUp) error {
	if len(w.typed.take) == 0 {
		return errors.New("choose at least one")
	}
	if !takes(w, "bitcoin") {
		w.answers.bitcoin = nil
	}
	old := w.answers.chains
	w.answers.chains = nil
	for _, t := range w.typed.take {
		id, err := strconv.ParseUint(t, 10, 63)
		if err != nil {
			continue
		}
		c := chainAnswer{id: id}
		if len(old) > 0 {
			c.key, c.addresses = old[0].key, old[0].addresses
		}
		if at := slices.IndexFunc(old, func(o chainAnswer) bool { return o.id == id }); at >= 0 {
			c = old[at]
		}
		w.answers.chains = append(w.answers.chains, c)
	}
	return nil
}

func noBitcoin(w *setUp) bool { return !takes(w, "bitcoin") }

func askNetwork(w *setUp) huh.Field {
	options := make([]huh.Option[string], len(bitcoinNetworks))
	for i, n := range bitcoinNetworks {
		label := n
		if n == "mainnet" {
			label = "mainnet: real money"
		}
		options[i] = huh.NewOption(label, n)
	}
	return huh.NewSelect[string]().Title("Which Bitcoin network?").
		Description("All but mainnet are for practice, with coins worth nothing.").
		Options(options...).Height(len(options) + 3).Value(&w.typed.network)
}

func takeNetwork(w *setUp) error {
	if b := w.answers.bitcoin; b != nil && b.network != w.typed.network {
		w.answers.bitcoin = nil // its key was for another network
	}
	return nil
}

func askPeer(w *setUp) huh.Field {
	return huh.NewInput().Title("Do you have a Bitcoin node of your own?").
		Description("Its host:port. Empty: till finds others' nodes by itself and checks all they say.").
		CharLimit(200).Value(&w.typed.peer)
}

func takePeer(w *setUp) error {
	peers := peersOf(w.typed.peer)
	for _, p := range peers {
		if !hostPort(p) {
			return errors.New("that is not the address of a node; write it like 10.0.0.5:8333")
		}
	}
	if len(peers) == 0 && (w.typed.network == "regtest" || w.typed.network == "simnet") {
		return fmt.Errorf("%s has no public nodes; name yours", w.typed.network)
	}
	if b := w.answers.bitcoin; b != nil {
		b.peers = peers
	}
	return nil
}

func peersOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func hasBitcoin(w *setUp) bool {
	return noBitcoin(w) || w.answers.bitcoin != nil && !w.typed.askBitcoin
}

func askBitcoin(w *setUp) huh.Field {
	w.typed.bitcoin = ""
	return huh.NewInput().Title("The account's public key for Bitcoin").
		Description("Paste the xpub, ypub, zpub or descriptor of your wallet's account. It is not shown. Never a private key or recovery words: till needs none and refuses them.").
		EchoMode(huh.EchoModePassword).Value(&w.typed.bitcoin)
}

func takeBitcoin(w *setUp) error {
	text := w.typed.bitcoin
	w.typed.bitcoin, w.typed.ambiguous = "", ""
	key, err := readBitcoinKey(text, w.typed.network, "")
	if errors.Is(err, xpub.ErrAmbiguous) {
		// Only public keys get this far; it waits for the next question.
		w.typed.ambiguous = text
		return nil
	}
	if err != nil {
		return loud(err)
	}
	w.setBitcoin(key)
	return nil
}

// loud makes the refusal of a private key unmistakable.
func loud(err error) error {
	if errors.Is(err, xpub.ErrPrivateKey) {
		return fmt.Errorf("REFUSED: %w", err)
	}
	return err
}

func (w *setUp) setBitcoin(key *xpub.Key) {
	w.typed.askBitcoin = false
	w.answers.bitcoin = &bitcoinAnswer{network: w.typed.network, peers: peersOf(w.typed.peer), key: key}
}

func askScript(w *setUp) huh.Field {
	return huh.NewSelect[string]().Title("How do the wallet's addresses begin?").
		Description("A plain xpub or tpub does not say. Look at a receiving address of the same account.").
		Options(
			huh.NewOption("bc1q… or tb1q… (native SegWit, the usual)", "wpkh"),
			huh.NewOption("bc1p… or tb1p… (Taproot)", "tr"),
			huh.NewOption("3… or 2… (SegWit in an older form)", "sh-wpkh"),
			huh.NewOption("1…, m… or n… (legacy)", "pkh"),
		).Height(7).Value(&w.typed.script)
}

func takeScript(w *setUp) error {
	key, err := readBitcoinKey(w.typed.ambiguous, w.typed.network, w.typed.script)
	if err != nil {
		return loud(err)
	}
	w.setBitcoin(key)
	return nil
}

func askSame(w *setUp) huh.Field {
	w.typed.same = false
	return huh.NewConfirm().Title("y  they are the same     n  they differ (try another key)").
		Affirmative("y same").Negative("n differ").Value(&w.typed.same)
}

const differ = "then this is not the key of that account. Look for the key of the account that the addresses are in, or another kind of key (xpub, zpub, descriptor)"

func compareBitcoin(w *setUp) error {
	if !w.typed.same {
		w.typed.askBitcoin, w.typed.ambiguous = true, ""
		w.goTo("bitcoin", differ)
		return nil
	}
	w.typed.bitcoinConfirmed = w.answers.bitcoin.key
	return nil
}

func noEVM(w *setUp) bool { return len(w.answers.chains) == 0 }

func hasEVM(w *setUp) bool {
	return noEVM(w) || w.answers.chains[0].key != nil && !w.typed.askEVM
}

func askEVM(w *setUp) huh.Field {
	w.typed.evm = ""
	return huh.NewInput().Title("The account's public key for Ethereum and its kin").
		Description("Paste the xpub of m/44'/60'/0', or addresses of your own with commas between them if the wallet gives no xpub. It is not shown. Never a private key or recovery words.").
		EchoMode(huh.EchoModePassword).Value(&w.typed.evm)
}

func takeEVM(w *setUp) error {
	text := w.typed.evm
	w.typed.evm = ""
	key, addresses, err := readEVMKey(text)
	if err != nil {
		return loud(err)
	}
	w.typed.askEVM = false
	for i := range w.answers.chains {
		w.answers.chains[i].key, w.answers.chains[i].addresses = key, addresses
	}
	return nil
}

func compareEVM(w *setUp) error {
	if !w.typed.same {
		w.typed.askEVM = true
		w.goTo("evm", differ)
		return nil
	}
	w.typed.evmConfirmed = w.answers.chains[0].key
	return nil
}

// endpointQuestion asks for the node of one chain.
func endpointQuestion(c evmChain) question {
	find := func(w *setUp) int {
		return slices.IndexFunc(w.answers.chains, func(a chainAnswer) bool { return a.id == c.id })
	}
	return question{
		name: "endpoint",
		skip: func(w *setUp) bool { return find(w) < 0 },
		field: func(w *setUp) huh.Field {
			was := w.answers.chains[find(w)]
			w.typed.endpoint = strings.Join(was.endpoints, " ")
			if was.public {
				w.typed.endpoint = strings.TrimSpace(w.typed.endpoint + " public")
			}
			return huh.NewInput().Title("Which node tells till about " + c.name + "?").
				Description("A URL from your own node or a provider: wss://… tells at once, https://… is asked again and again; several with a space between them. Or the word public, if you agree: " + publicConsent).
				Placeholder("wss://").CharLimit(1000).Value(&w.typed.endpoint)
		},
		apply: func(w *setUp) error {
			list := strings.Fields(strings.ReplaceAll(w.typed.endpoint, ",", " "))
			if len(list) == 0 {
				return errors.New("name at least one, or write public; without a node till sees no payment there")
			}
			public := slices.Contains(list, "public")
			list = slices.DeleteFunc(list, func(e string) bool { return e == "public" })
			for i, e := range list {
				if err := checkEndpoint(e); err != nil {
					return err
				}
				if slices.Contains(list[:i], e) {
					return errors.New("the same one stands there twice")
				}
			}
			w.answers.chains[find(w)].endpoints, w.answers.chains[find(w)].public = list, public
			return nil
		},
	}
}

func askWrite(w *setUp) huh.Field {
	w.typed.write = false
	return huh.NewConfirm().Title("Write the configuration?").
		Description("It holds public keys only. Everything can be changed in the file later.").
		Affirmative("y write it").Negative("n go back").Value(&w.typed.write)
}

func takeWrite(w *setUp) error {
	switch {
	case !w.typed.write:
		w.goTo("take", "")
	case w.answers.bitcoin != nil && w.typed.bitcoinConfirmed != w.answers.bitcoin.key:
		w.goTo("compare bitcoin", "these addresses were not compared yet")
	case len(w.answers.chains) > 0 && w.typed.evmConfirmed != w.answers.chains[0].key:
		w.goTo("compare evm", "these addresses were not compared yet")
	}
	return nil
}
