using System.Buffers.Binary;
using System.Diagnostics;
using System.Reflection;
using System.Text;

namespace Microsoft.ML.Infomorphic.Tests.Build;

/// <summary>build/RepairLibTorchSharp.cs, run by MSBuild as in every application's build.</summary>
[TestClass]
public class RepairLibTorchSharpTests
{
    private const string Marker = "_ZSt21ios_base_library_initv";

    [TestMethod]
    public void The_repair_sets_one_flag_where_the_marker_alone_needs_the_version_and_copies_all_else()
    {
        byte[] known = SharedObject("GLIBCXX_3.4.32", Marker);
        byte[] repaired = SharedObject("GLIBCXX_3.4.32", Marker, isWeak: true);
        byte[] otherSymbol = SharedObject("GLIBCXX_3.4.32", "_ZNSt6vectorIiSaIiEE9push_backEi");
        byte[] twoSymbols = SharedObject("GLIBCXX_3.4.32", Marker, secondSymbol: "_ZSt4cout");
        byte[] defined = SharedObject("GLIBCXX_3.4.32", Marker, isDefined: true);
        byte[] relocated = SharedObject("GLIBCXX_3.4.32", Marker, isRelocated: true);
        byte[] otherVersion = SharedObject("GLIBCXX_3.4.30", Marker);
        byte[] text = Encoding.ASCII.GetBytes("not a shared object");
        byte[] pointsOutside = [.. known];
        BinaryPrimitives.WriteUInt64LittleEndian(pointsOutside.AsSpan(40), 1UL << 40);
        (byte[] Given, byte[] Expected)[] cases =
        [
            (known, repaired),
            (repaired, repaired),
            (otherSymbol, otherSymbol),
            (twoSymbols, twoSymbols),
            (defined, defined),
            (relocated, relocated),
            (otherVersion, otherVersion),
            (text, text),
            ([], []),
            (known[..100], known[..100]),
            (pointsOutside, pointsOutside),
        ];

        byte[][] actual = Repair([.. cases.Select(c => c.Given)]);

        for (int i = 0; i < cases.Length; i++)
            CollectionAssert.AreEqual(cases[i].Expected, actual[i], $"case {i}");
    }

    // One MSBuild for all files: it takes seconds to start.
    private static byte[][] Repair(byte[][] files)
    {
        string root = typeof(RepairLibTorchSharpTests)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(a => a.Key == "RepositoryRoot")
            .Value!;
        DirectoryInfo directory = Directory.CreateTempSubdirectory();
        try
        {
            for (int i = 0; i < files.Length; i++)
                File.WriteAllBytes(Path.Combine(directory.FullName, $"{i}.so"), files[i]);
            string project = Path.Combine(directory.FullName, "Repair.proj");
            File.WriteAllText(
                project,
                $"""
                <Project>
                  <Import Project="{root}build/Microsoft.ML.Infomorphic.targets" />
                  <ItemGroup>
                    <Given Include="*.so" />
                  </ItemGroup>
                  <Target Name="Repair">
                    <RepairLibTorchSharp SourceFile="%(Given.FullPath)" DestinationFile="repaired/%(Given.Filename).so" />
                    <!-- Once more, over what is there. -->
                    <RepairLibTorchSharp SourceFile="%(Given.FullPath)" DestinationFile="repaired/%(Given.Filename).so" />
                  </Target>
                </Project>
                """
            );

            var start = new ProcessStartInfo(
                Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
                ["msbuild", project, "-target:Repair", "-nologo"]
            )
            {
                RedirectStandardOutput = true,
                WorkingDirectory = directory.FullName,
            };
            // The test host's own MSBuild variables lead a child to the wrong SDK.
            foreach (
                string name in start.Environment.Keys.Where(k => k.StartsWith("MSBuild", StringComparison.Ordinal))
            )
                start.Environment.Remove(name);
            using Process process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.AreEqual(0, process.ExitCode, output);

            for (int i = 0; i < files.Length; i++)
            {
                byte[] given = File.ReadAllBytes(Path.Combine(directory.FullName, $"{i}.so"));
                CollectionAssert.AreEqual(files[i], given, $"file {i} was written to");
            }
            return
            [
                .. files.Select((_, i) => File.ReadAllBytes(Path.Combine(directory.FullName, "repaired", $"{i}.so"))),
            ];
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>The least shared object that has what the task looks at: it could not be loaded.</summary>
    private static byte[] SharedObject(
        string version,
        string symbol,
        string? secondSymbol = null,
        bool isWeak = false,
        bool isDefined = false,
        bool isRelocated = false
    )
    {
        const ushort VersionIndex = 7;
        string?[] symbols = secondSymbol is null ? [null, symbol] : [null, symbol, secondSymbol];

        var dynstr = new MemoryStream();
        dynstr.WriteByte(0);
        uint Text(string text)
        {
            uint index = (uint)dynstr.Length;
            dynstr.Write(Encoding.ASCII.GetBytes(text + '\0'));
            return index;
        }

        // Elf64_Sym: name, info, other, section, value, size.
        byte[] dynsym = Write(w =>
        {
            foreach (string? name in symbols)
            {
                w.Write(name is null ? 0 : Text(name));
                w.Write((ushort)0);
                w.Write((ushort)(isDefined && name is not null ? 1 : 0));
                w.Write(0UL);
                w.Write(0UL);
            }
        });
        byte[] versym = Write(w =>
        {
            foreach (string? name in symbols)
                w.Write(name is null ? (ushort)0 : VersionIndex);
        });
        // Two libraries; the version is the second of the second.
        byte[] verneed = Write(w =>
        {
            WriteNeed(w, "libc.so.6", count: 1, next: 32);
            WriteAux(w, "GLIBC_2.2.5", flags: 0, index: 2, next: 0);
            WriteNeed(w, "libstdc++.so.6", count: 2, next: 0);
            WriteAux(w, "GLIBCXX_3.4", flags: 0, index: 3, next: 16);
            WriteAux(w, version, (ushort)(isWeak ? 2 : 0), VersionIndex, next: 0);
        });
        void WriteNeed(BinaryWriter w, string file, ushort count, uint next)
        {
            w.Write((ushort)1);
            w.Write(count);
            w.Write(Text(file));
            w.Write(16);
            w.Write(next);
        }
        void WriteAux(BinaryWriter w, string name, ushort flags, ushort index, uint next)
        {
            w.Write(0);
            w.Write(flags);
            w.Write(index);
            w.Write(Text(name));
            w.Write(next);
        }
        // Elf64_Rela: offset, info (symbol in the upper half), addend; one without a symbol, one for the last symbol.
        byte[] rela = Write(w =>
        {
            for (ulong s = 0; s < (isRelocated ? 2UL : 1UL); s++)
            {
                w.Write(0UL);
                w.Write((s << 32) | 1);
                w.Write(0UL);
            }
        });

        (uint Type, uint Link, byte[] Content)[] sections =
        [
            (0, 0, []),
            (3, 0, dynstr.ToArray()),
            (11, 1, dynsym),
            (0x6fffffff, 2, versym),
            (0x6ffffffe, 1, verneed),
            (4, 2, rela),
        ];
        int table = 64 + sections.Sum(s => s.Content.Length);
        return Write(w =>
        {
            w.Write([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0]);
            w.Write(new byte[32]);
            w.Write((ulong)table);
            w.Write(new byte[10]);
            w.Write((ushort)64);
            w.Write((ushort)sections.Length);
            w.Write((ushort)0);
            foreach ((_, _, byte[] content) in sections)
                w.Write(content);
            int offset = 64;
            foreach ((uint type, uint link, byte[] content) in sections)
            {
                w.Write(0);
                w.Write(type);
                w.Write(0UL);
                w.Write(0UL);
                w.Write((ulong)offset);
                w.Write((ulong)content.Length);
                w.Write(link);
                w.Write(new byte[20]);
                offset += content.Length;
            }
        });
    }

    private static byte[] Write(Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        write(writer);
        writer.Flush();
        return stream.ToArray();
    }
}
