// SPDX-License-Identifier: Apache-2.0
/* The types of OpenWire's commands and of their parts, as ActiveMQ's marshallers of the versions 1 to 12 have them. */
#include "base/own.h"
#include "proto/openwire.h"

#define MESSAGE "CDCCNCSISBLYNLSQQNCBIALSB2B3ALLaB"

static const struct openwire_type types[] = {
	{1, OPENWIRE_WIRE_FORMAT, OPENWIRE_EITHER, "WireFormatInfo", ""},
	{2, OPENWIRE_ASKED, OPENWIRE_SERVER, "BrokerInfo", "CSASBBB2BBL3SS"},
	{3, OPENWIRE_ASKED, OPENWIRE_CLIENT, "ConnectionInfo", "CSSSABB2B6BB8S"},
	{4, OPENWIRE_ASKED, OPENWIRE_CLIENT, "SessionInfo", "C"},
	{5, OPENWIRE_ASKED, OPENWIRE_CLIENT, "ConsumerInfo", "CBDIIBSaS1SBBBYANBBB4A"},
	{6, OPENWIRE_ASKED, OPENWIRE_CLIENT, "ProducerInfo", "CDA2B3I"},
	{7, OPENWIRE_ASKED, OPENWIRE_CLIENT, "TransactionInfo", "CCT"},
	{8, OPENWIRE_ASKED, OPENWIRE_CLIENT, "DestinationInfo", "CDYLA"},
	{9, OPENWIRE_ASKED, OPENWIRE_CLIENT, "RemoveSubscriptionInfo", "CSS"},
	{10, OPENWIRE_ASKED, OPENWIRE_EITHER, "KeepAliveInfo", ""},
	{11, OPENWIRE_ASKED, OPENWIRE_EITHER, "ShutdownInfo", ""},
	{12, OPENWIRE_ASKED, OPENWIRE_CLIENT, "RemoveInfo", "C5L"},
	{14, OPENWIRE_ASKED, OPENWIRE_EITHER, "ControlCommand", "S"},
	{15, OPENWIRE_ASKED, OPENWIRE_EITHER, "FlushCommand", ""},
	{16, OPENWIRE_ASKED, OPENWIRE_SERVER, "ConnectionError", "XN"},
	{17, OPENWIRE_ASKED, OPENWIRE_SERVER, "ConsumerControl", "6E1BNI2BBB"},
	{18, OPENWIRE_ASKED, OPENWIRE_EITHER, "ConnectionControl", "BBBBB6SSB8Q"},
	{19, OPENWIRE_ASKED, OPENWIRE_SERVER, "ProducerAck", "NI"},
	{20, OPENWIRE_ASKED, OPENWIRE_CLIENT, "MessagePull", "CDL3SN"},
	{21, OPENWIRE_ASKED, OPENWIRE_SERVER, "MessageDispatch", "CDNI"},
	{22, OPENWIRE_ASKED, OPENWIRE_CLIENT, "MessageAck", "DCCYNNM7X"},
	{23, OPENWIRE_MESSAGE, OPENWIRE_CLIENT, "Send", MESSAGE},
	{24, OPENWIRE_MESSAGE, OPENWIRE_CLIENT, "Send", MESSAGE},
	{25, OPENWIRE_MESSAGE, OPENWIRE_CLIENT, "Send", MESSAGE},
	{26, OPENWIRE_MESSAGE, OPENWIRE_CLIENT, "Send", MESSAGE},
	{27, OPENWIRE_MESSAGE, OPENWIRE_CLIENT, "Send", MESSAGE},
	{28, OPENWIRE_MESSAGE, OPENWIRE_CLIENT, "Send", MESSAGE},
	{29, OPENWIRE_MESSAGE, OPENWIRE_CLIENT, "Send", MESSAGE "3SSB"},
	{30, OPENWIRE_RESPONSE, OPENWIRE_EITHER, "Response", "R"},
	{31, OPENWIRE_RESPONSE, OPENWIRE_EITHER, "ExceptionResponse", "RX"},
	{32, OPENWIRE_RESPONSE, OPENWIRE_EITHER, "DataResponse", "RN"},
	{33, OPENWIRE_RESPONSE, OPENWIRE_EITHER, "DataArrayResponse", "RA"},
	{34, OPENWIRE_RESPONSE, OPENWIRE_EITHER, "IntegerResponse", "RI"},
	{90, OPENWIRE_ASKED, OPENWIRE_EITHER, "MessageDispatchNotification", "CDLN"},
	{100, OPENWIRE_DESTINATION, 0, "queue", "S"},
	{101, OPENWIRE_DESTINATION, 0, "topic", "S"},
	{102, OPENWIRE_DESTINATION, 0, "temp-queue", "S"},
	{103, OPENWIRE_DESTINATION, 0, "temp-topic", "S"},
	{110, OPENWIRE_PART, 0, "MessageId", "aS1CLL"},
	{111, OPENWIRE_PART, 0, "LocalTransactionId", "LC"},
	{112, OPENWIRE_PART, 0, "XATransactionId", "IQQ"},
	{120, OPENWIRE_PART, 0, "ConnectionId", "S"},
	{121, OPENWIRE_PART, 0, "SessionId", "SL"},
	{122, OPENWIRE_PART, 0, "ConsumerId", "SLL"},
	{123, OPENWIRE_PART, 0, "ProducerId", "SLL"},
	{124, OPENWIRE_PART, 0, "BrokerId", "S"},
};

const struct openwire_type *openwire_type(uint8_t type)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(types) && types[i].type <= type; i++) {
		if (types[i].type == type)
			return &types[i];
	}
	return NULL;
}
