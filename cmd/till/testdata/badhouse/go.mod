// A house in which every rule is broken; the house test must see it.
module github.com/cointill/till

go 1.26
