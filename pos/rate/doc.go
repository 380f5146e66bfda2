// Package rate is the price feed behind pos.Rates: it asks exchanges, believes
// what enough of them agree on, and says how old that is.
//
//	Source, NewSource   one exchange's ticker over HTTP: Kraken, Coinbase Exchange, Bitstamp
//	combine             from quotes to one price: age, median, deviation, quorum
//	Alarm               a price that exchanges agree on and that till does not act upon
//	Feed                polls, remembers, and answers pos.Rates from memory; takes prices by hand
//	Prices, Status      what it knows by price and by exchange, for health screen and doctor
//
// Of a quote the exact middle of bid and ask counts. A quote older than MaxAge
// is left out; the median of the others is taken, those more than one percent
// away from it are dropped, and if a quorum remains, its median is the price.
// Failures stay with the exchange that failed.
//
// So a minority of exchanges that lie cannot leave the range of the honest ones
// while all of these answer. While some of them do not, one honest exchange is
// still in every quorum: a lie is then within twice the deviation of the truth,
// and where too few honest ones are left for a quorum there is no new price.
//
// A price more than Jump (10 percent) away from the last that was accepted,
// however long ago, is taken only when it was said in two rounds, the second by
// newer quotes alone, within the same distance of the first. Until then the old
// price goes on aging, and an Alarm is in Status and in the log. That holds off
// a shifted decimal point, not exchanges that lie together for two rounds. The
// first price after a start is compared with nothing.
//
// A price by hand counts where exchanges have none that is live or aging, until
// its time is over or they have: see SetManual. It never meets the rules above.
//
// A stablecoin is worth its peg in the peg's own currency. In another currency
// it is worth what a dollar is, and for the dollar's price the feed asks the
// exchanges for USDC in that currency: it is the one dollar pair that all three
// offer (Kraken and Bitstamp also have EUR/USD, Coinbase does not), and it needs
// no division, so that it stays exact.
//
// Whether the coin is at its peg is asked too: every exchange for the coin in
// the peg's currency, under Asset.Price or, where that is empty, its symbol.
// Kraken and Bitstamp have USDC/USD and USDT/USD, Coinbase USDT/USD and DAI/USD,
// Kraken DAI/USD too; Coinbase makes no difference between USDC and the dollar.
// While a quorum of fresh quotes is more than Depeg (1 percent) off, Rate
// refuses the coin with money.ErrOffPar, until a quorum is back; what depends on
// USDC for the dollar's price waits with it. Sales priced in the coin itself are
// not concerned. A coin that fewer exchanges than the quorum trade against its
// currency cannot be judged, and stays at par. Before every exchange was tried
// once there is no price of a stablecoin, not even par.
//
// What may not enter: floats, a library of an exchange, any key, address or
// amount of the shop, and anything that knows a sale.
package rate
