/* SPDX-License-Identifier: MIT */
/*
 * What a guest's machine has beyond the fixed ACPI hardware: the legacy devices.
 * \UCNT, the number of serial ports, and \HPTP and \KBDP, whether there are an HPET and a keyboard, come
 * from a table that is made for each guest.
 */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "NACRE ", "NACREPC ", 0x00000001)
{
	External (\UCNT, IntObj)
	External (\HPTP, IntObj)
	External (\KBDP, IntObj)

	/* Soft-off: SLP_TYP 0 in PM1a_CNT, see devices/pc/acpi_pm.h. */
	Name (\_S5, Package () { 0x00, 0x00, 0x00, 0x00 })

	Scope (\_SB)
	{
		Device (PIC)
		{
			Name (_HID, EisaId ("PNP0000"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0020, 0x0020, 0x01, 0x02)
				IO (Decode16, 0x00A0, 0x00A0, 0x01, 0x02)
				IO (Decode16, 0x04D0, 0x04D0, 0x01, 0x02)
				IRQNoFlags () { 2 }
			})
		}

		Device (TIMR)
		{
			Name (_HID, EisaId ("PNP0100"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0040, 0x0040, 0x01, 0x04)
				IRQNoFlags () { 0 }
			})
		}

		Device (HPET)
		{
			Name (_HID, EisaId ("PNP0103"))
			Method (_STA)
			{
				If (\HPTP)
				{
					Return (0x0F)
				}
				Return (0x00)
			}
			Name (_CRS, ResourceTemplate ()
			{
				Memory32Fixed (ReadWrite, 0xFED00000, 0x00000400)
			})
		}

		Device (RTC)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0070, 0x0070, 0x01, 0x02)
				IRQNoFlags () { 8 }
			})
		}

		/* The keyboard with its controller. The controller alone is the FADT's to tell. */
		Device (KBD)
		{
			Name (_HID, EisaId ("PNP0303"))
			Method (_STA)
			{
				If (\KBDP)
				{
					Return (0x0F)
				}
				Return (0x00)
			}
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0060, 0x0060, 0x01, 0x01)
				IO (Decode16, 0x0064, 0x0064, 0x01, 0x01)
				IRQNoFlags () { 1 }
			})
		}

		/* The fixed ACPI registers, reset control and debug ports: nobody else may have them. */
		Device (SYSR)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0061, 0x0061, 0x01, 0x01)
				IO (Decode16, 0x0080, 0x0080, 0x01, 0x01)
				IO (Decode16, 0x0092, 0x0092, 0x01, 0x01)
				IO (Decode16, 0x00E9, 0x00E9, 0x01, 0x01)
				IO (Decode16, 0x0600, 0x0600, 0x01, 0x0C)
				IO (Decode16, 0x0CF9, 0x0CF9, 0x01, 0x01)
			})
		}

		/* Present (0Fh) or absent, by number from 1. */
		Method (UPRE, 1)
		{
			If (LLessEqual (Arg0, \UCNT))
			{
				Return (0x0F)
			}
			Return (0x00)
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Method (_STA) { Return (UPRE (1)) }
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03F8, 0x03F8, 0x01, 0x08)
				IRQNoFlags () { 4 }
			})
		}

		Device (COM2)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 2)
			Method (_STA) { Return (UPRE (2)) }
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x02F8, 0x02F8, 0x01, 0x08)
				IRQNoFlags () { 3 }
			})
		}

		Device (COM3)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 3)
			Method (_STA) { Return (UPRE (3)) }
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03E8, 0x03E8, 0x01, 0x08)
				IRQNoFlags () { 4 }
			})
		}

		Device (COM4)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 4)
			Method (_STA) { Return (UPRE (4)) }
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x02E8, 0x02E8, 0x01, 0x08)
				IRQNoFlags () { 3 }
			})
		}
	}
}
