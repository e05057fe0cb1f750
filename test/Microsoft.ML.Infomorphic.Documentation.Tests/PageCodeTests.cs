using System.Globalization;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using PageCode;

namespace Microsoft.ML.Infomorphic.Documentation.Tests;

/// <summary>The code that pages show is what a reader pastes: it compiles, with its usings, and runs.</summary>
[TestClass]
public sealed class PageCodeTests
{
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    // Asks for what not every machine has: a PyTorch.
    private static readonly string[] CompiledOnly = ["docs/GPU.md"];

    public static IEnumerable<object[]> PagesWithCode =>
        Repository
            .Pages.Where(page => Page.ToProgram(page, Repository.Read(page)) is not null)
            .Select(page => new object[] { page });

    // Changes the current directory and the console's output, which all tests share.
    [TestMethod]
    [DoNotParallelize]
    [TestCategory("Slow")]
    [DynamicData(nameof(PagesWithCode))]
    public void The_code_of_a_page_pasted_in_its_order_is_a_program_that_runs(string page)
    {
        MethodInfo program = Compile(page, Page.ToProgram(page, Repository.Read(page))!);
        if (CompiledOnly.Contains(page))
            return;

        string before = Environment.CurrentDirectory;
        TextWriter output = Console.Out;
        string folder = Directory.CreateTempSubdirectory("page").FullName;
        try
        {
            File.Copy(Path.Combine(Repository.Root, "data", "tabular", "wine.csv"), Path.Combine(folder, "wine.csv"));
            Environment.CurrentDirectory = folder;
            using var written = new StringWriter(CultureInfo.InvariantCulture);
            Console.SetOut(written);
            object?[] arguments = program.GetParameters().Length == 0 ? [] : [Array.Empty<string>()];
            (program.Invoke(null, arguments) as Task)?.GetAwaiter().GetResult();
            Check(page, written.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Environment.CurrentDirectory = before;
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void An_error_in_a_page_is_reported_with_the_line_of_the_page()
    {
        const string Markdown = "# A page\n\n```csharp\nint a = 1;\n```\n\nText.\n\n```csharp\nint b = a + ;\n```\n";

        var error = Assert.ThrowsExactly<FormatException>(() => Page.ToProgram("a.md", Markdown));
        StringAssert.StartsWith(error.Message, "a.md(10): ");
        Assert.ThrowsExactly<FormatException>(() => Page.ToProgram("a.md", "```csharp\nint a = 1;\n"));
        Assert.IsNull(Page.ToProgram("a.md", "```sh\ndotnet run\n```\n"));
    }

    [TestMethod]
    public void Usings_come_first_and_types_last_whatever_the_order_of_the_page()
    {
        const string Markdown = """
            ```csharp
            using System.Text;
            var row = new Row(1);
            internal sealed record Row(int Number);
            ```
            ```csharp
            using System.Text;
            using System.Globalization;
            if (row.Number != 1 || CultureInfo.InvariantCulture.Name.Length > 0 || new StringBuilder().Length > 0)
                throw new InvalidOperationException();
            ```
            """;

        MethodInfo program = Compile("a.md", Page.ToProgram("a.md", Markdown)!);
        program.Invoke(null, [Array.Empty<string>()]);
    }

    // What pages promise of what their code prints.
    private static void Check(string page, string written)
    {
        switch (page)
        {
            case "README.md":
            case "Microsoft.ML.Infomorphic/PACKAGE.md":
                // The largest class has two fifths of the rows.
                string accuracy = written.Split("accuracy ")[1].Split('%')[0];
                Assert.IsGreaterThan(80, double.Parse(accuracy, CultureInfo.CurrentCulture), written);
                break;
            case "docs/GUIDE.md":
                // By hand: log2(2/3) and 1 + log2(2/3).
                StringAssert.Contains(written, "0.415 bits only together, -0.585 bits redundantly");
                Assert.IsTrue(File.Exists("report.html"));
                break;
        }
    }

    private static MethodInfo Compile(string page, string program)
    {
        string[] paths = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var compilation = CSharpCompilation.Create(
            "PageOf" + page.Replace('/', '_'),
            [CSharpSyntaxTree.ParseText(program, options), CSharpSyntaxTree.ParseText(ImplicitUsings, options)],
            paths.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(
                OutputKind.ConsoleApplication,
                nullableContextOptions: NullableContextOptions.Enable
            )
        );
        using var assembly = new MemoryStream();
        EmitResult result = compilation.Emit(assembly);
        string[] problems =
        [
            .. result
                .Diagnostics.Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)
                .Select(diagnostic =>
                    $"{diagnostic.Location.GetMappedLineSpan()}: {diagnostic.GetMessage(CultureInfo.InvariantCulture)}"
                ),
        ];
        Assert.IsEmpty(problems, string.Join('\n', problems));
        assembly.Position = 0;
        // In the default context: ML.NET looks for the types of rows there.
        return AssemblyLoadContext.Default.LoadFromStream(assembly).EntryPoint!;
    }
}
