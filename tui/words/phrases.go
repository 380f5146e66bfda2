package words

// Phrases are the fixed texts of the screens. A test looks that every language
// fills every field, and that marks such as %d stand where English has them.
type Phrases struct {
	// Amount screen.
	Training   string // badge in the header of the demo
	Testnet    string // badge where a network is one to try things on
	Open       string // heading of the list of open sales
	OpenMany   string // %d, where the list does not show them all
	KeyMark    string // before the key's fingerprint
	AnyAmount  string // an open price
	Opening    string // a sale is being opened
	Starting   string // the register is not there yet
	StartKeep  string // what is typed meanwhile is kept
	FailedOpen string // before the reason why a sale could not be opened
	TryAgain   string
	HintDemo   string // what to press first in the demo
	Held       string // %s amount, that could not be charged, while another is typed
	Next       string // before the amount of the sale after this one
	TooMuch    string // no more digits
	NoDecimals string
	PasteHere  string // pasted text has nowhere to go
	Failed     string // heading: the register could not start
	FailedDo   string

	// A sale.
	Sale        string // before its number
	PriceHolds  string // before the time left
	PriceOver   string
	At          string // before a rate
	Sources     string // %d
	MissingWord string // after an amount
	Of          string // %s of %s
	Came        string // %s of %s
	CameOf      string // %s of %s in money, %s the same in coin
	WentBack    string // of a transaction that paid a refund
	OnDay       string // %s day, other than today
	Tx          string // before a transaction
	TxInBlock   string // before the block of one that is not known
	TrustWord   string // before whom one has to believe
	NoQR        string // heading
	TokenOn     string // %s token, %s network
	NotMain     string // a token that is not on Ethereum itself
	Enlarge     string // %d by %d
	FormAddress string // the code holds the address only
	FormRoom    string // %d by %d: no room for the other code
	Copied      string
	CopiedURI   string
	NoOther     string // no other coin can be asked for now
	CancelAsk   string // %s number, %s price
	CancelNote  string
	CancelYes   string
	CancelNo    string
	ShowRest    string // %s missing
	SeeDetail   string
	// LeaveTrouble leaves a sale in trouble for later.
	LeaveTrouble string

	// The customer's view where no code can be shown.
	PayAddress string // above the address as text
	PayWait    string // there is nothing to pay to yet

	// News and leaving.
	NewsMore  string // %d
	NewsLook  string
	NewsTodo  string // like NewsLook, for trouble
	Waiting   string // an act takes its time
	OfDay     string // %s day, of a sale of another day
	Leave     string // after the first ctrl+c
	LeaveOpen string // %d sales are open

	// Lists.
	Sales       string
	Search      string
	SearchHint  string
	SearchDone  string
	SearchClear string
	NoSales     string
	NoMatch     string
	Today       string // as Words.Day says it
	Detail      string
	Code        string
	By          string
	Reference   string
	Note        string
	Lines       string
	Address     string
	Path        string
	Timeline    string
	Rang        string
	Quoted      string // %s due, %s until

	// Health.
	Health     string
	Prices     string
	NoPrices   string
	NoPricesDo string
	NoRate     string
	OpenSales  string
	NotStarted string

	// Help and the demo.
	Help         string
	HelpHere     string
	HelpShut     string
	Wallets      string // heading: wallets that misread the code with the amount
	WalletsAll   string
	WalletsToken string // what that may cost where a token is paid
	Scenes       string
	NoScenes     string
	ScenePlay    string
	Smaller      string // the window is too small for more
	KeysAmount   string
	KeysPay      string
	KeysOutcome  string
	KeysCustomer string
	KeysSales    string
	KeysAlways   string
	KeysDemo     string

	// Acts of people, and what needs a supervisor.
	SupervisorMark string // who is needed for an act
	Supervisor     string // the same in a sentence's letters
	TakeCash       string // %s rest
	LeadCash       string // %s cash, %s number, %s price
	LeadAccept     string // %s number, %s price, %s what came
	LeadReprice    string // %s what came, %s number
	LeadRefund     string
	LeadGaveBack   string // %s number
	LeadMistake    string // %s number
	LeadRate       string
	AgreeAlone     string // no supervisor is there to agree
	Agreed         string
	RateSet        string
	NoPaste        string
	BadRate        string
	FarRate        string // %s typed price
	LastRate       string // %s price, %s ago
	FieldRefund    string
	FieldPart      string
	FieldTo        string
	FieldAsset     string
	FieldRate      string
	FieldWhy       string
	FieldPIN       string
	Optional       string // a field that may stay empty
	TrainingPIN    string // %s PIN
	FormDo         string
	FormNext       string
	FormOther      string // the way to another field
	FormStale      string // a sale changed while somebody was deciding
	FormLeave      string
	PayoutBand     string
	PayoutNot      string
	PayoutBlind    string
	Away           string // heading
	AwaySpan       string // %s from, %s until
	AwayTo         string // %s until
	AwayStill      string
	AwayNews       string // %d sales
	AwayFine       string // nothing to decide
	LookedAt       string // %s rail, %s block, %s ago
	LateNews       string // %s LATE, %s sale, %s amount, %s day
	Money          string // heading
	AskNetwork     string
	AskKey         string
	Asking         string
	NotOurs        string
	NoNetwork      string
	Changed        string
	ChangedDo      string // %s key
	PriceOld       string // %s coins, %s ago, %s key
	NeverPriced    string // %s coins, %s key
	KeysAway       string // heading

	// The day and the lock.
	DayTitle   string // heading
	DayCount   string // %d sales, %d paid, %d waiting, %d to be decided
	DayMore    string // %d added up
	DayCash    string // %s cash
	DayTaken   string // heading of what was taken by currency
	DayCoins   string // heading of what came by coin
	DayBack    string // heading of what went back
	DaySales   string // %d
	DayBy      string // before names with numbers of sales
	DayAt      string // the same before terminals
	Locked     string // in large letters
	LockNobody string
	LockHello  string // %s name
	KeysDay    string // heading

	// Over SSH, before or after a screen.
	SSHNoCommand  string
	SSHNoTerminal string
	SSHFull       string // %d screens
	SSHKeyGone    string
	SSHStopping   string
	SSHFault      string
	SSHLost       string // the till at the other end of the line is gone

	// Alarms: a few words, and what to do.
	NotStored    string
	NotStoredDo  string
	ClockBadge   string // %s how far
	ClockBadgeDo string // %s how far

	// The roles that face customers.
	OutOfOrder   string // the register is not there
	KioskType    string
	KioskChoose  string
	KioskTooMuch string
	KioskNotNow  string // a coin that cannot be paid with now
	KioskStay    string // %s until it goes back
	KioskNumber  string // before the sale's number
	BoardWorking string // heading, in large letters
	BoardReady   string // heading, in large letters
	GuestType    string
	GuestOff     string
	GuestNone    string
	GuestSent    string // in large letters
	GuestWay     string // it was sent and is not seen yet
	GuestAgain   string
	KeysKiosk    string // heading
	KeysGuest    string // heading

	// An amount far above anything usual, and totals.
	SureAsk     string // %s amount
	SureNote    string
	SureYes     string
	SureNo      string
	TotalsToday string // %d paid sales

	// A receipt.
	Paper        string // before its number
	PaperCopy    string
	PaperNoMoney string // under either mark
	PaperCashier string
	PaperTotal   string
	PaperCash    string // before what was taken in cash
	PaperRate    string // before the coin
	PaperUnpaid  string // under the status of a sale that is not paid
	PaperThanks  string
	// Why there is none.
	PaperSlow      string // %s command or file, %s span
	PaperNoCommand string // %s command
	PaperFailed    string // %s command or file, %s what it said

	// The line mode.
	LineStarting string
	LineAmount   string // %s currency
	LineCoin     string // %s price, %s coin
	LineNoCoin   string // %s
	LineUnknown  string // %s
	LinePay      string // %s coin, %s amount
	LineLink     string
	LineUntil    string // %s
	LineWaiting  string // %s
	LineLocked   string
	LineYes      string
	LineNo       string
	LineWords    string
	LineQR       string
	LinePrint    string
	LinePrinted  string

	// Items and the names of lines.
	ItemNot   string // an item does not go with what is typed
	FieldLine string

	// Instruments on the health screen.
	NotCounted    string // a quote that does not count
	Apart         string // %s percent
	StoreName     string
	StoreDown     string
	StoreDo       string
	StoreSales    string // %s sales
	StoreForgets  string // nothing is kept
	StoreChecking string
	StoreIntact   string
	NoBackup      string
	BackupAgo     string // %s ago
	GaugeFine     string
	GaugeLook     string // somebody should look at it
	GapName       string
	GapCount      string // %s key, %d unused, %d limit
	GapDo         string // %d limit that is needed
	ClockName     string
	ClockBack     string // %s behind
	ClockBlock    string // %s network, %s time
	ScreensName   string
	RefusedName   string
	RefusedNone   string
	LastBlock     string // %s block, %s ago

	// What stands where something has no room, or no meaning now.
	TypeIn         string // %s amount that the code does not hold
	CustomerType   string // the same, to the customer
	WorthNow       string // %s worth, %s price
	ChangedMore    string // %d rows, %s key
	NothingToAgree string
	NoPriceMissing string

	// Receipts.
	Printing    string
	Printed     string // %s number
	PrintedCopy string // %s number
	NotPrinted  string // %s why

	Yesterday string // a word that may be searched for
}
