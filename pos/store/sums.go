package store

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"modernc.org/sqlite"
)

// Rows without a document, and documents that do not hold their own key, have
// a check sum over their columns: rowSum, in SQL row_sum.
const (
	metaSum    = "row_sum(name, value)"
	cursorSum  = "row_sum(rail, json)"
	accountSum = "row_sum(rid, id)"
	addressSum = "row_sum(number, account, idx, destination, since)"
	indexSum   = "row_sum(account, idx, number, free)"
)

func init() {
	sqlite.MustRegisterDeterministicScalarFunction("row_sum", -1,
		func(_ *sqlite.FunctionContext, cols []driver.Value) (driver.Value, error) { return rowSum(cols) })
}

// rowSum is the CRC-32C of columns, each with its type and the texts with their
// lengths, so that no two rows share their bytes.
func rowSum(cols []driver.Value) (int64, error) {
	b := make([]byte, 0, 128)
	for _, col := range cols {
		switch v := col.(type) {
		case nil:
			b = append(b, 0)
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 1), uint64(v))
		case string:
			b = binary.BigEndian.AppendUint64(append(b, 2), uint64(len(v)))
			b = append(b, v...)
		default:
			return 0, fmt.Errorf("a column of type %T has no check sum", v)
		}
	}
	return int64(crc32.Checksum(b, castagnoli)), nil
}
