// SPDX-License-Identifier: Apache-2.0
/* IANA's registries "Domain Name System (DNS) Parameters": resource record types and response codes. */
#include "proto/dns_message.h"

#include "base/digits.h"
#include "base/own.h"

struct name {
	uint16_t number;
	const char *name;
};

/* Sorted by number. */
static const struct name types[] = {
	{1, "A"},	   {2, "NS"},	     {3, "MD"},		 {4, "MF"},	{5, "CNAME"},	  {6, "SOA"},
	{7, "MB"},	   {8, "MG"},	     {9, "MR"},		 {10, "NULL"},	{11, "WKS"},	  {12, "PTR"},
	{13, "HINFO"},	   {14, "MINFO"},    {15, "MX"},	 {16, "TXT"},	{17, "RP"},	  {18, "AFSDB"},
	{19, "X25"},	   {20, "ISDN"},     {21, "RT"},	 {22, "NSAP"},	{23, "NSAP-PTR"}, {24, "SIG"},
	{25, "KEY"},	   {26, "PX"},	     {27, "GPOS"},	 {28, "AAAA"},	{29, "LOC"},	  {30, "NXT"},
	{31, "EID"},	   {32, "NIMLOC"},   {33, "SRV"},	 {34, "ATMA"},	{35, "NAPTR"},	  {36, "KX"},
	{37, "CERT"},	   {38, "A6"},	     {39, "DNAME"},	 {40, "SINK"},	{41, "OPT"},	  {42, "APL"},
	{43, "DS"},	   {44, "SSHFP"},    {45, "IPSECKEY"},	 {46, "RRSIG"}, {47, "NSEC"},	  {48, "DNSKEY"},
	{49, "DHCID"},	   {50, "NSEC3"},    {51, "NSEC3PARAM"}, {52, "TLSA"},	{53, "SMIMEA"},	  {55, "HIP"},
	{56, "NINFO"},	   {57, "RKEY"},     {58, "TALINK"},	 {59, "CDS"},	{60, "CDNSKEY"},  {61, "OPENPGPKEY"},
	{62, "CSYNC"},	   {63, "ZONEMD"},   {64, "SVCB"},	 {65, "HTTPS"}, {66, "DSYNC"},	  {67, "HHIT"},
	{68, "BRID"},	   {99, "SPF"},	     {100, "UINFO"},	 {101, "UID"},	{102, "GID"},	  {103, "UNSPEC"},
	{104, "NID"},	   {105, "L32"},     {106, "L64"},	 {107, "LP"},	{108, "EUI48"},	  {109, "EUI64"},
	{128, "NXNAME"},   {249, "TKEY"},    {250, "TSIG"},	 {251, "IXFR"}, {252, "AXFR"},	  {253, "MAILB"},
	{254, "MAILA"},	   {255, "ANY"},     {256, "URI"},	 {257, "CAA"},	{258, "AVC"},	  {259, "DOA"},
	{260, "AMTRELAY"}, {261, "RESINFO"}, {262, "WALLET"},	 {263, "CLA"},	{264, "IPN"},	  {32768, "TA"},
	{32769, "DLV"},
};

static const struct name rcodes[] = {
	{0, "NOERROR"},	 {1, "FORMERR"},  {2, "SERVFAIL"}, {3, "NXDOMAIN"}, {4, "NOTIMP"},     {5, "REFUSED"},	  {6, "YXDOMAIN"},
	{7, "YXRRSET"},	 {8, "NXRRSET"},  {9, "NOTAUTH"},  {10, "NOTZONE"}, {11, "DSOTYPENI"}, {16, "BADVERS"},	  {17, "BADKEY"},
	{18, "BADTIME"}, {19, "BADMODE"}, {20, "BADNAME"}, {21, "BADALG"},  {22, "BADTRUNC"},  {23, "BADCOOKIE"},
};

static struct tt_span find(const struct name *table, size_t count, uint16_t number, struct tt_span prefix, char buffer[16])
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (table[middle].number == number)
			return tt_span_str(table[middle].name);
		if (table[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	uint8_t digits[TT_DIGITS_MAX];
	struct tt_span decimal = tt_digits(number, digits);
	memcpy(buffer, prefix.data, prefix.len);
	memcpy(buffer + prefix.len, decimal.data, decimal.len);
	return tt_span(buffer, prefix.len + decimal.len);
}

struct tt_span tt_dns_type_name(uint16_t type, char buffer[16])
{
	return find(types, TT_ARRAY_LEN(types), type, TT_SPAN_LIT("TYPE"), buffer);
}

struct tt_span tt_dns_rcode_name(uint16_t rcode, char buffer[16])
{
	return find(rcodes, TT_ARRAY_LEN(rcodes), rcode, TT_SPAN_LIT("RCODE"), buffer);
}

/* No such name, a malformed query, one that is not allowed, conditions of an update that do not hold, a wrong signature. */
bool tt_dns_rcode_server_failed(uint16_t rcode)
{
	static const uint8_t askers[] = {0, 1, 3, 5, 6, 7, 8, 9, 10, 16, 17, 18, 19, 20, 21, 22, 23};

	return rcode > UINT8_MAX || !memchr(askers, rcode, sizeof(askers));
}

const char *tt_dns_opcode_name(unsigned opcode)
{
	static const char *const opcodes[16] = {
		[TT_DNS_QUERY] = "QUERY", [TT_DNS_STATUS] = "STATUS", [TT_DNS_NOTIFY] = "NOTIFY", [TT_DNS_UPDATE] = "UPDATE"};
	return opcode < TT_ARRAY_LEN(opcodes) ? opcodes[opcode] : NULL;
}
