/* SPDX-License-Identifier: MIT */
/* Registers of the PC16550D, named as in its datasheet. */
#ifndef DEVICES_PC_UART_REGISTERS_H
#define DEVICES_PC_UART_REGISTERS_H

/* Register offsets. */
enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_ERBFI 0x01 /* received data available, and character timeout */
#define IER_ETBEI 0x02 /* transmitter holding register empty */
#define IER_ELSI  0x04 /* receiver line status */
#define IER_EDSSI 0x08 /* modem status */
#define IER_BITS  0x0f

#define IIR_MODEM       0x00
#define IIR_NONE        0x01
#define IIR_THRE        0x02
#define IIR_RECEIVED    0x04
#define IIR_LINE_STATUS 0x06
#define IIR_TIMEOUT     0x0c
#define IIR_FIFOS       0xc0

#define FCR_ENABLE         0x01
#define FCR_RESET_RECEIVE  0x02
#define FCR_RESET_TRANSMIT 0x04
#define FCR_DMA_MODE       0x08
#define FCR_TRIGGER        0xc0
#define FCR_TRIGGER_SHIFT  6
#define FCR_KEPT           (FCR_ENABLE | FCR_DMA_MODE | FCR_TRIGGER)

#define LCR_LENGTH 0x03
#define LCR_STOP   0x04
#define LCR_PARITY 0x08
#define LCR_DLAB   0x80

#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define MCR_BITS 0x1f

#define LSR_DR         0x01
#define LSR_OE         0x02
#define LSR_PE         0x04
#define LSR_FE         0x08
#define LSR_BI         0x10
#define LSR_THRE       0x20
#define LSR_TEMT       0x40
#define LSR_FIFO_ERROR 0x80
#define LSR_CHARACTER  (LSR_PE | LSR_FE | LSR_BI) /* errors that belong to one character */
#define LSR_ERRORS     (LSR_OE | LSR_CHARACTER)

#define MSR_DELTAS      0x0f
#define MSR_TERI        0x04
#define MSR_CTS         0x10
#define MSR_DSR         0x20
#define MSR_RI          0x40
#define MSR_DCD         0x80
#define MSR_DELTA_SHIFT 4

#endif
