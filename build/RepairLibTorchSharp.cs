using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

// libLibTorchSharp.so of TorchSharp 0.107.0 asks for GLIBCXX_3.4.32 (GCC 13). Debian 12, RHEL 9 and Ubuntu 22.04
// stop at 3.4.30, so their loader refuses the library. The only symbol behind that version is
// _ZSt21ios_base_library_initv: a link-time marker that <iostream> leaves behind, which no relocation uses and nothing
// calls. Marking the version reference as weak (VER_FLG_WEAK of its Vernaux entry) lets the loader go on; where the
// version exists, nothing changes.
//
// MSBuild compiles this file on the fly (RoslynCodeTaskFactory), so that the package ships text, not a compiled task.
// It is therefore written against netstandard2.0 and knows nothing of the rest of the repository.

/// <summary>Writes a copy of libLibTorchSharp.so which also loads where libstdc++ is older than GCC 13.</summary>
/// <remarks>
/// The source is never written to. Whatever is not exactly the known case is copied unchanged, with a message.
/// Format: "ELF-64 Object File Format"; Linux Standard Base 5.0, "Symbol Versioning".
/// </remarks>
public class RepairLibTorchSharp : Task
{
    private const string Version = "GLIBCXX_3.4.32";
    private const string Marker = "_ZSt21ios_base_library_initv";
    private const ushort VerFlgWeak = 0x2;

    private const uint ShtRela = 4;
    private const uint ShtRel = 9;
    private const uint ShtDynsym = 11;
    private const uint ShtGnuVerneed = 0x6ffffffe;
    private const uint ShtGnuVersym = 0x6fffffff;

    private byte[] image;

    /// <summary>The library, as the package holds it.</summary>
    [Required]
    public string SourceFile { get; set; }

    /// <summary>The copy to write; an existing one is replaced in one step.</summary>
    [Required]
    public string DestinationFile { get; set; }

    public override bool Execute()
    {
        try
        {
            image = File.ReadAllBytes(SourceFile);
            Log.LogMessage(MessageImportance.Normal, "{0}: {1}.", Path.GetFileName(SourceFile), Repair());
            Write();
            return true;
        }
        catch (Exception e) when (e is IOException || e is UnauthorizedAccessException)
        {
            Log.LogError("{0} could not be written from {1}: {2}", DestinationFile, SourceFile, e.Message);
            return false;
        }
    }

    // Says what was done, or why nothing was.
    private string Repair()
    {
        try
        {
            return RepairImage();
        }
        catch (Exception e) when (e is IndexOutOfRangeException || e is ArgumentException || e is OverflowException)
        {
            return "left as it is, its ELF structures lead outside the file";
        }
    }

    private string RepairImage()
    {
        if (image.Length < 64 || image[0] != 0x7f || image[1] != 'E' || image[2] != 'L' || image[3] != 'F')
            return "left as it is, not an ELF file";
        if (image[4] != 2 || image[5] != 1)
            return "left as it is, not a 64-bit little-endian ELF file";

        Section verneed = null;
        Section versym = null;
        Section dynsym = null;
        Section[] sections = ReadSections();
        foreach (Section section in sections)
        {
            if (section.Type == ShtGnuVerneed)
                verneed = section;
            else if (section.Type == ShtGnuVersym)
                versym = section;
            else if (section.Type == ShtDynsym)
                dynsym = section;
        }
        if (verneed == null || versym == null || dynsym == null)
            return "left as it is, it has no versioned dynamic symbols";

        int vernaux = FindVersion(verneed, sections[verneed.Link]);
        if (vernaux < 0)
            return "left as it is, it does not ask for " + Version;
        int flags = vernaux + 4;
        if ((U16(flags) & VerFlgWeak) != 0)
            return "left as it is, its reference to " + Version + " is weak already";

        // Weak is safe only as long as nothing behind this version is ever bound.
        int marker = -1;
        int versionIndex = U16(vernaux + 6) & 0x7fff;
        int symbols = dynsym.Size / 24;
        for (int i = 0; i < symbols; i++)
        {
            if ((U16(versym.Offset + 2 * i) & 0x7fff) != versionIndex)
                continue;
            int symbol = dynsym.Offset + 24 * i;
            string name = Text(sections[dynsym.Link], U32(symbol));
            bool isUndefined = U16(symbol + 6) == 0;
            if (name != Marker || !isUndefined)
                return "left as it is, it needs " + name + " of " + Version;
            marker = i;
        }
        foreach (Section section in sections)
        {
            int size =
                section.Type == ShtRela ? 24
                : section.Type == ShtRel ? 16
                : 0;
            for (int i = 0; size > 0 && i < section.Size / size; i++)
            {
                if (marker >= 0 && U32(section.Offset + size * i + 12) == marker)
                    return "left as it is, a relocation uses " + Marker;
            }
        }

        image[flags] |= (byte)VerFlgWeak;
        return "its reference to " + Version + " is now weak, so that it loads with an older libstdc++ too";
    }

    // Offset of the Vernaux entry of the version, or -1.
    private int FindVersion(Section verneed, Section names)
    {
        int entry = verneed.Offset;
        while (true)
        {
            int aux = entry + Size(U32(entry + 8));
            int count = U16(entry + 2);
            for (int i = 0; i < count; i++)
            {
                if (Text(names, U32(aux + 8)) == Version)
                    return aux;
                aux += Size(U32(aux + 12));
            }
            int next = Size(U32(entry + 12));
            if (next == 0)
                return -1;
            entry += next;
        }
    }

    private Section[] ReadSections()
    {
        int table = Size(U64(40));
        int entrySize = U16(58);
        Section[] sections = new Section[U16(60)];
        for (int i = 0; i < sections.Length; i++)
        {
            int header = table + i * entrySize;
            sections[i] = new Section
            {
                Type = U32(header + 4),
                Offset = Size(U64(header + 24)),
                Size = Size(U64(header + 32)),
                Link = Size(U32(header + 40)),
            };
        }
        return sections;
    }

    private string Text(Section strings, uint index)
    {
        int start = checked(strings.Offset + Size(index));
        int end = Array.IndexOf(image, (byte)0, start);
        return Encoding.ASCII.GetString(image, start, end - start);
    }

    private ushort U16(int offset) => BitConverter.ToUInt16(image, offset);

    private uint U32(int offset) => BitConverter.ToUInt32(image, offset);

    private ulong U64(int offset) => BitConverter.ToUInt64(image, offset);

    private static int Size(ulong value) => checked((int)value);

    // A new file takes the old one's name: the old one may be linked to from an application's output, or be read just
    // now by a running application.
    private void Write()
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(DestinationFile));
        Directory.CreateDirectory(directory);
        string temporary = Path.Combine(directory, Path.GetRandomFileName());
        try
        {
            File.WriteAllBytes(temporary, image);
            if (File.Exists(DestinationFile))
                File.Replace(temporary, DestinationFile, null);
            else
                File.Move(temporary, DestinationFile);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private sealed class Section
    {
        public uint Type;
        public int Offset;
        public int Size;
        public int Link;
    }
}
