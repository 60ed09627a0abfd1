// SPDX-License-Identifier: MIT
// Front doors of configuration handles. [ndis/nf-ndis-ndisopenconfigurationex] and kin
#include "ndis/config.h"
#include "nt/ex/fault.h"
#include "verify/left.h"
#include "verify/verify.h"

NTAPI NDIS_STATUS
NdisOpenConfigurationEx(PNDIS_CONFIGURATION_OBJECT ConfigObject, PNDIS_HANDLE ConfigurationHandle)
{
    VERIFY_ENTER(NdisOpenConfigurationEx);
    struct ndis_config *config = NULL;
    NDIS_STATUS status = EX_FAULT() ? NDIS_STATUS_RESOURCES : ndis_config_open(ConfigObject, &config);
    *ConfigurationHandle = config;
    if (config)
        verify_had(VERIFY_LEFT_CONFIGURATION, config, ConfigObject->NdisHandle, "NdisOpenConfigurationEx");
    return status;
}

NTAPI VOID
NdisOpenConfigurationKeyByName(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, PNDIS_STRING SubKeyName, PNDIS_HANDLE SubKeyHandle)
{
    VERIFY_ENTER(NdisOpenConfigurationKeyByName);
    struct ndis_config *config = NULL;
    struct ndis_config *parent = ndis_config_from(ConfigurationHandle, "NdisOpenConfigurationKeyByName");
    *Status = EX_FAULT() ? NDIS_STATUS_FAILURE : ndis_config_open_under(parent, SubKeyName, &config);
    *SubKeyHandle = config;
    if (config)
        verify_had(VERIFY_LEFT_CONFIGURATION, config, NULL, "NdisOpenConfigurationKeyByName");
}

NTAPI VOID
NdisOpenConfigurationKeyByIndex(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, ULONG Index, PNDIS_STRING KeyName,
                                PNDIS_HANDLE KeyHandle)
{
    VERIFY_ENTER(NdisOpenConfigurationKeyByIndex);
    struct ndis_config *config = NULL;
    struct ndis_config *parent = ndis_config_from(ConfigurationHandle, "NdisOpenConfigurationKeyByIndex");
    *Status = EX_FAULT() ? NDIS_STATUS_FAILURE : ndis_config_open_at(parent, Index, KeyName, &config);
    *KeyHandle = config;
    if (config)
        verify_had(VERIFY_LEFT_CONFIGURATION, config, NULL, "NdisOpenConfigurationKeyByIndex");
}

NTAPI VOID
NdisCloseConfiguration(NDIS_HANDLE ConfigurationHandle)
{
    VERIFY_ENTER(NdisCloseConfiguration);
    struct ndis_config *config = ndis_config_from(ConfigurationHandle, "NdisCloseConfiguration");
    verify_gave(box_self(), VERIFY_LEFT_CONFIGURATION, config);
    ndis_config_close(config);
}

NTAPI VOID
NdisReadConfiguration(PNDIS_STATUS Status, PNDIS_CONFIGURATION_PARAMETER *ParameterValue, NDIS_HANDLE ConfigurationHandle,
                      PNDIS_STRING Keyword, NDIS_PARAMETER_TYPE ParameterType)
{
    VERIFY_ENTER(NdisReadConfiguration);
    struct ndis_config *config = ndis_config_from(ConfigurationHandle, "NdisReadConfiguration");
    *ParameterValue = NULL;
    *Status = EX_FAULT() ? NDIS_STATUS_RESOURCES : ndis_config_read(config, Keyword, ParameterType, ParameterValue);
}

NTAPI VOID
NdisWriteConfiguration(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, PNDIS_STRING Keyword,
                       PNDIS_CONFIGURATION_PARAMETER ParameterValue)
{
    VERIFY_ENTER(NdisWriteConfiguration);
    struct ndis_config *config = ndis_config_from(ConfigurationHandle, "NdisWriteConfiguration");
    *Status = EX_FAULT() ? NDIS_STATUS_RESOURCES : ndis_config_write(config, Keyword, ParameterValue);
}

NTAPI VOID
NdisReadNetworkAddress(PNDIS_STATUS Status, PVOID *NetworkAddress, PUINT NetworkAddressLength, NDIS_HANDLE ConfigurationHandle)
{
    VERIFY_ENTER(NdisReadNetworkAddress);
    *Status =
        ndis_config_address(ndis_config_from(ConfigurationHandle, "NdisReadNetworkAddress"), NetworkAddress, NetworkAddressLength);
}
