package main

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/cointill/till/pos"
)

// The environment can set every text, number and switch of the configuration's
// top and of its single tables: TILL_CURRENCY, TILL_BITCOIN_PEERS (a list, by
// commas), TILL_SCREEN_THEME; and what is secret or changes from place to place
// of an EVM chain by its number: TILL_EVM_1_KEY, TILL_EVM_1_ENDPOINTS,
// TILL_EVM_1_ADDRESSES. It counts more than the file and less than a flag.
const envPrefix = "TILL_"

// envOther are variables with the prefix that are not part of the configuration.
var envOther = []string{"TILL_CONFIG", "TILL_DATA", "TILL_FULL"}

// overlay puts environment variables over a configuration. Errors name the
// variable and never hold its value.
func overlay(config *configFile, environ []string) error {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(envOther, name) || value == "" {
			continue
		}
		field := envField(config, strings.ToLower(strings.TrimPrefix(name, envPrefix)))
		if !field.IsValid() {
			continue // doctor tells about these
		}
		if err := setField(field, value); err != nil {
			return fmt.Errorf("the environment variable %s %w", name, err)
		}
	}
	return nil
}

// unknownEnv lists variables that look as if they were meant for till.
func unknownEnv(environ []string) []string {
	var names []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) && !slices.Contains(envOther, name) &&
			!envField(&configFile{}, strings.ToLower(strings.TrimPrefix(name, envPrefix))).IsValid() {
			names = append(names, pos.CleanText(hideLong(name), 60))
		}
	}
	return names
}

// envField finds the field of a lower-case name such as "bitcoin_key" or
// "evm_1_endpoints", and makes the table that it is in.
func envField(config *configFile, name string) reflect.Value {
	root := reflect.ValueOf(config).Elem()
	if f := byTag(root, name); f.IsValid() && settable(f) {
		return f
	}
	table, rest, _ := strings.Cut(name, "_")
	if table == "evm" {
		id, key, _ := strings.Cut(rest, "_")
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || n < 1 || !slices.Contains([]string{"key", "endpoints", "addresses"}, key) {
			return reflect.Value{}
		}
		at := slices.IndexFunc(config.EVM, func(e evmFile) bool { return e.Chain == n })
		if at < 0 {
			config.EVM = append(config.EVM, evmFile{Chain: n})
			at = len(config.EVM) - 1
		}
		return byTag(reflect.ValueOf(&config.EVM[at]).Elem(), key)
	}
	t := byTag(root, table)
	if !t.IsValid() {
		return reflect.Value{}
	}
	if t.Kind() == reflect.Pointer {
		inner, last, _ := strings.Cut(rest, "_")
		if f := inside(t, inner, last); f.IsValid() {
			return f
		}
		if f := byTag(reflect.New(t.Type().Elem()).Elem(), rest); !f.IsValid() || !settable(f) {
			return reflect.Value{}
		}
		if t.IsNil() {
			t.Set(reflect.New(t.Type().Elem()))
		}
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	if f := byTag(t, rest); f.IsValid() && settable(f) {
		return f
	}
	return reflect.Value{}
}

// inside finds a field of a table in a table, such as TILL_BITCOIN_CORE_PASSWORD,
// and makes both.
func inside(outer reflect.Value, table, name string) reflect.Value {
	field, ok := fieldOf(outer.Type().Elem(), table)
	if !ok || field.Type.Kind() != reflect.Pointer || field.Type.Elem().Kind() != reflect.Struct {
		return reflect.Value{}
	}
	if f := byTag(reflect.New(field.Type.Elem()).Elem(), name); !f.IsValid() || !settable(f) {
		return reflect.Value{}
	}
	if outer.IsNil() {
		outer.Set(reflect.New(outer.Type().Elem()))
	}
	inner := outer.Elem().FieldByIndex(field.Index)
	if inner.IsNil() {
		inner.Set(reflect.New(field.Type.Elem()))
	}
	return byTag(inner.Elem(), name)
}

func byTag(table reflect.Value, name string) reflect.Value {
	field, ok := fieldOf(table.Type(), name)
	if !ok {
		return reflect.Value{}
	}
	return table.FieldByIndex(field.Index)
}

func settable(f reflect.Value) bool {
	switch f.Kind() {
	case reflect.String, reflect.Int64:
		return true
	case reflect.Slice:
		return f.Type().Elem().Kind() == reflect.String
	}
	return false
}

func setField(f reflect.Value, value string) error {
	switch f.Kind() {
	case reflect.Int64:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("takes a whole number")
		}
		f.SetInt(n)
	case reflect.Slice:
		var list []string
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		f.Set(reflect.ValueOf(list).Convert(f.Type()))
	default:
		f.SetString(value)
	}
	return nil
}
